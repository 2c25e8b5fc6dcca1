"""
Title: Text and image, with taps and a KerasHub backbone
Description: Token ids cannot be noisy; their embeddings can.
Runs offline in about a minute on two cores.

## The question

Methods that perturb a modality need something to perturb. An image is a tensor
of floats; a text is a row of token ids, and half a word is not a word. A *tap*
is the point at which a modality is perturbed and measured: the output of a
layer instead of the input. Here the layer is inside a transformer, which comes
from KerasHub if that is installed. The problem is a common one: captions that
give the label away, until somebody writes a wrong one.
"""

import importlib.util
import os
import sys

if importlib.util.find_spec("jax"):
    os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import keras_mmreg as mmreg

SMOKE = "--smoke" in sys.argv  # two small models, to test that it runs
LAYERS, EPOCHS = (1, 1) if SMOKE else (2, 10)

keras.utils.set_random_seed(0)

"""
## The data

The data are scikit-learn's digits with captions of four to six words, padded to
six. The two tensors of the text form a dict inside the dict of inputs, which
makes them one modality.
"""

NUMBERS = "zero one two three four five six seven eight nine".split()
FILLERS = "a the this digit number picture shows of is here".split()
VOCABULARY = ["[pad]", *FILLERS, *NUMBERS]
LENGTH = 6

digits = load_digits()
labels = digits.target
rng = np.random.default_rng(0)


def caption(label):
    words = list(rng.choice(FILLERS, rng.integers(3, LENGTH)))
    words.insert(rng.integers(len(words) + 1), NUMBERS[label])
    ids = [VOCABULARY.index(word) for word in words]
    return ids + [0] * (LENGTH - len(ids))


ids = np.array([caption(label) for label in labels])
inputs = {
    "image": (digits.images / 16).astype("float32"),
    "text": {"token_ids": ids, "padding_mask": (ids > 0).astype("int32")},
}
print([" ".join(VOCABULARY[i] for i in row if i) for row in ids[:3]])


def part(which):
    return keras.tree.map_structure(
        lambda array: array[which], (inputs, labels)
    )


train, held_out = mmreg.callbacks.HeldOut.split(*part(slice(0, 1200)))
test = part(slice(1200, None))

"""
## The backbone

The backbone is a small transformer with random weights: `from_preset` would
download pretrained ones. Every KerasHub backbone is a functional Keras model,
so a layer inside it can be tapped by name. Without KerasHub, two dozen lines of
Keras build one.
"""

if importlib.util.find_spec("keras_hub"):
    import keras_hub

    TOKEN_LAYER = "embeddings_layer_norm"

    def text_backbone():
        return keras_hub.models.DistilBertBackbone(
            vocabulary_size=len(VOCABULARY),
            num_layers=LAYERS,
            num_heads=2,
            hidden_dim=32,
            intermediate_dim=64,
            max_sequence_length=LENGTH,
        )

else:
    TOKEN_LAYER = "token_embedding"

    def text_backbone():
        tokens = keras.Input((LENGTH,), dtype="int32", name="token_ids")
        padding = keras.Input((LENGTH,), dtype="int32", name="padding_mask")
        x = keras.layers.Embedding(len(VOCABULARY), 32, name=TOKEN_LAYER)(
            tokens
        )
        for _ in range(LAYERS):
            attended = keras.layers.MultiHeadAttention(2, 16)(
                x, x, attention_mask=padding[:, None, :]
            )
            x = keras.layers.LayerNormalization()(x + attended)
            hidden = keras.layers.Dense(64, activation="relu")(x)
            x = keras.layers.LayerNormalization()(
                x + keras.layers.Dense(32)(hidden)
            )
        inputs = {"token_ids": tokens, "padding_mask": padding}
        return keras.Model(inputs, x, name="backbone_by_hand")


print("The text backbone is", text_backbone().name)


def build_model():
    image = keras.Input((8, 8), name="image")
    text = {
        name: keras.Input((LENGTH,), dtype="int32", name=name)
        for name in ("token_ids", "padding_mask")
    }
    words = text_backbone()(text)
    read = keras.layers.GlobalMaxPooling1D()(words)
    seen = keras.layers.Flatten()(image)
    seen = keras.layers.Dense(64, activation="relu")(seen)
    x = keras.layers.Concatenate()([seen, read])
    x = keras.layers.Dense(64, activation="relu")(x)
    x = keras.layers.Dense(10, activation="softmax")(x)
    return keras.Model({"image": image, "text": text}, x)


"""
## Without a tap, and with one

Noise on token ids is refused, and the error message says what to do.
"""

try:
    mmreg.models.RegularizedModel(build_model(), "noise")
except ValueError as error:
    print(error)

"""
A tap can be named, as below, or found automatically: `taps="auto"` takes each
modality's last tensor before it meets another one, which here is the output of
the whole backbone. Then only the layers after that point run again, which is
cheaper, but the backbone itself is not perturbed. `summary()` lists the points
at its end.

Noise can be added at the tokens. A method that moves a text from one example to
another has to move all of it. The padding mask, however, bypasses the tokens
and goes straight into the attention. So at that tap `"mix"` is refused; after
the backbone it is not.

`"mix"` asks the model to trust both modalities equally where they disagree, so
with wrong captions no more than about half of the digits can be right. It does
not know that the text is the suspect. If you know, you can say so:
`ModalityShuffle` trains with captions of other digits.
"""

recipe = ["noise", "mix"]
suspect = mmreg.regularizers.ModalityShuffle(["text"])
METHODS = {
    "plain": None,
    "noise on the tokens": ("noise", {"text": TOKEN_LAYER}),
    'taps="auto"': (recipe, "auto"),
    "suspect shuffled": (suspect, "auto"),
}
if SMOKE:
    METHODS = {name: METHODS[name] for name in [*METHODS][:2]}

models = {}
for name, method in METHODS.items():
    model = build_model()
    if method:
        regularizer, taps = method
        model = mmreg.models.RegularizedModel(
            model, regularizer, taps=taps, seed=0
        )
    model.compile(
        keras.optimizers.Adam(2e-3),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    has_gate = getattr(model, "gate", None) is not None
    watch = [mmreg.callbacks.HeldOut(held_out)] if has_gate else []
    model.fit(*train, batch_size=32, epochs=EPOCHS, callbacks=watch, verbose=0)
    models[name] = model

"""
## Wrong captions

The report shuffles the captions (ids and masks together) and the images.
"""

reports = {
    name: mmreg.modality_report(model, test, batch_size=300)
    for name, model in models.items()
}
print(f"{'':22}{'intact':>8}{'text shuffled':>15}{'image shuffled':>16}")
for name, report in reports.items():
    text, image = report.shuffled["text"], report.shuffled["image"]
    print(
        f"{name:22}{report.intact.value:8.1%}{text.value:15.1%}"
        f"{image.value:16.1%}"
    )

figure, axes = plt.subplots(
    len(reports), figsize=(6.4, 9.0), layout="constrained"
)
for ax, (name, report) in zip(axes, reports.items(), strict=True):
    report.plot(ax)
    ax.set_title(name, loc="left", fontsize="medium")
    if ax is not axes[0]:
        ax.get_legend().remove()
figure.savefig("text_and_image.png", dpi=150)

print(
    "With captions of other digits, accuracy is "
    + ", ".join(
        f"{report.shuffled['text'].value:.0%} ({name})"
        for name, report in reports.items()
    )
    + "; with the right captions, every model reaches at least "
    + f"{min(report.intact.value for report in reports.values()):.1%}."
)
