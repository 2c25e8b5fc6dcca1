import json
import pathlib

import keras
import numpy as np
import pytest

from keras_mmreg.datasets import load_social_iq
from keras_mmreg.datasets import texts
from keras_mmreg.datasets.social_iq import published

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


def text(items):
    return np.frombuffer("\n".join(items).encode(), "uint8")


def save_arrays(path, **changes):
    rows = published.read_questions(DUMMY_DATA)
    arrays = {
        "question_utf8": text(rows.question),
        "answers_utf8": text(rows.answers),
        "types_utf8": text(rows.types),
        "correct": rows.correct.astype("uint8"),
        "video": [int(video.split("_")[1]) for video in rows.video],
        "split": rows.test,
    }
    np.savez(path, **arrays | changes)
    return path


def save_line(folder, **changes):
    """The dummy data with another third line, or without a field of it."""
    for name in ("qa_train.json", "qa_val.json"):
        (folder / name).write_text((DUMMY_DATA / name).read_text())
    lines = (folder / "qa_train.json").read_text().splitlines()
    row = json.loads(lines[2]) | changes
    row = {name: value for name, value in row.items() if value is not ...}
    lines[2] = json.dumps(row)
    (folder / "qa_train.json").write_text("\n".join(lines))
    return folder


def test_binary():
    data = load_social_iq(DUMMY_DATA)
    assert [len(part.y) for part in data[:3]] == [72, 8, 16]
    for part in data[:3]:
        assert part.x["question"].shape == (len(part.y), 20)
        assert part.x["answer"].shape == (len(part.y), 25)
        assert part.y.reshape(-1, 4).sum(axis=1).tolist() == [1] * (
            len(part.y) // 4
        )
        np.testing.assert_array_equal(part.y == 1, part.answer_type == "corr")
        right = part.answer_text == "She smiles, and waves."
        np.testing.assert_array_equal(part.y == 1, right)
        np.testing.assert_array_equal(
            part.question_index[::4], part.question_index[3::4]
        )
    words = [data.vocabulary[i] for i in data.train.x["answer"][0] if i]
    assert words == texts.split_words(data.train.answer_text[0])


def test_choice():
    binary, choice = (
        load_social_iq(DUMMY_DATA, task) for task in ("binary", "choice")
    )
    for one, two in zip(binary[:3], choice[:3], strict=True):
        assert two.x["answer"].shape == (len(two.y), 4, 25)
        np.testing.assert_array_equal(
            one.x["answer"].reshape(-1, 4, 25), two.x["answer"]
        )
        np.testing.assert_array_equal(
            one.y.reshape(-1, 4).argmax(axis=1), two.y
        )


def test_splits_share_no_videos():
    data = load_social_iq(DUMMY_DATA, validation_split=0.5)
    videos = [set(part.video) for part in data[:3]]
    assert [len(names) for names in videos] == [5, 5, 2]
    assert len(set.union(*videos)) == 12


def test_vocabulary_is_that_of_the_training_set(tmp_path):
    rows = published.read_questions(DUMMY_DATA)
    question = ["Who waves" if test else "Why" for test in rows.test]
    path = save_arrays(tmp_path / "siq.npz", question_utf8=text(question))
    data = load_social_iq(path)
    assert "who" not in data.vocabulary
    assert data.test.x["question"][0, 0] == 1


def test_files_by_name_and_arrays_give_the_same(tmp_path):
    names = {part: DUMMY_DATA / f"qa_{part}.json" for part in ("train", "val")}
    folder, files, arrays = (
        load_social_iq(path).test
        for path in (DUMMY_DATA, names, save_arrays(tmp_path / "siq.npz"))
    )
    for name in ("question", "answer"):
        np.testing.assert_array_equal(folder.x[name], files.x[name])
        np.testing.assert_array_equal(folder.x[name], arrays.x[name])
    assert arrays.video[0] == "100" and folder.video[0] == "video_100"


def test_download_is_checked(monkeypatch):
    asked = {}

    def get_file(name, origin, file_hash):
        asked[origin] = file_hash
        return str(
            DUMMY_DATA / f"qa_{'val' if 'val' in name else 'train'}.json"
        )

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    assert len(load_social_iq().test.y) == 16
    assert asked == {
        published.URLS[part]: published.HASHES[part] for part in published.URLS
    }


def test_features(tmp_path):
    path = tmp_path / "vision.npz"
    videos = [f"video_{n}" for n in (*range(10), 100, 101)][::-1]
    values = np.array([[int(name.split("_")[1])] * 3 for name in videos])
    np.savez(path, video=videos, features=values)
    data = load_social_iq(DUMMY_DATA, features={"vision": path})
    for part in data[:3]:
        number = [int(name.split("_")[1]) for name in part.video]
        assert part.x["vision"].shape == (len(part.y), 3)
        assert part.x["vision"].dtype == np.float32
        np.testing.assert_array_equal(part.x["vision"][:, 0], number)
    np.savez(path, video=videos[1:], features=values[1:])
    with pytest.raises(ValueError, match="no row for 1 of .* video_101"):
        load_social_iq(DUMMY_DATA, features={"vision": path})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer_idx": 4}, "`answer_idx` 4, not 0 to 3"),
        ({"answer_idx": "one"}, "`answer_idx` one, not 0 to 3"),
        ({"answer_idx": ...}, "KeyError: 'answer_idx'"),
        ({"a2": 5}, r"no text in \['a2'\]"),
        ({"vid_name": ""}, "no text in"),
        ({"idx_types": ["corr"]}, "`idx_types`"),
        ({"idx_types": ["rewrite"] * 4}, "`idx_types`"),
    ],
)
def test_wrong_lines(changes, message, tmp_path):
    with pytest.raises(ValueError, match="`path` must be 'download'") as error:
        load_social_iq(save_line(tmp_path, **changes))
    error.match(f"line 3 of qa_train.json: .*{message}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"correct": np.full(24, 4)}, "`correct` 4 in row 0, not from 0 to 3"),
        ({"video": np.full(24, -1)}, "`video` -1 in row 0"),
        ({"split": np.zeros(3, int)}, "`split` of 3 entries, not 24"),
        ({"answers_utf8": text(["one"])}, "24 questions with 1 answers"),
    ],
)
def test_wrong_arrays(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_social_iq(save_arrays(tmp_path / "siq.npz", **changes))


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="`task` must be one of"):
        load_social_iq(DUMMY_DATA, "ternary")
    with pytest.raises(ValueError, match="`path` must be .*FileNotFound"):
        load_social_iq(tmp_path)
    with pytest.raises(ValueError, match="`path` must be .*KeyError: 'val'"):
        load_social_iq({"train": DUMMY_DATA / "qa_train.json"})
