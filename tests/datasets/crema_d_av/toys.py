"""A tiny clone of CREMA-D: few clips, short ones."""

from tests.datasets import clips

# The first is in the authors' validation set, the second in their test set;
# the last is broken as published.
NAMES = (
    "1001_DFA_DIS_XX",
    "1063_IOM_FEA_XX",
    "1063_IEO_ANG_HI",
    "1091_WSI_SAD_XX",
    "1076_MTI_SAD_XX",
)
PEOPLE = """"ActorID","Age","Sex","Race","Ethnicity"
1001,51,"Male","Caucasian","Not Hispanic"
1063,33,"Female","African American","Not Hispanic"
1076,25,"Female","Caucasian","Not Hispanic"
1091,29,"Female","Asian","Not Hispanic"
"""


def save(folder, names=NAMES, people=PEOPLE):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "VideoDemographics.csv").write_text(people)
    for index, name in enumerate(names):
        color = (40 * index, 100)
        clips.save(folder / "VideoFlash" / f"{name}.flv", color)
    return folder
