"""VQA scores, by how many of ten people gave an answer."""

import numpy as np

# The mean of min(count / 3, 1) over all choices of nine people.
_SCORES = np.array([0.0, 0.3, 0.6, 0.9, 1.0], np.float32)


def vqa_scores(answers: np.ndarray, num_answers: int) -> np.ndarray:
    """Returns each answer's score, for soft targets and the VQA accuracy.

    An answer that four or more of ten people gave scores 1; three people score
    0.9, two 0.6, one 0.3. The accuracy of a model is the mean score of its
    answers.

    Args:
        answers: Int array `(n, 10)`, the classes of ten people's answers, or -1
            if an answer is not a class.
        num_answers: Integer, the number of classes.

    Returns:
        Float32 array `(n, num_answers)`. For all of VQA-CP's training set it
        would take gigabytes: call this function on batches.

    Example:

    >>> import numpy as np
    >>> vqa_scores(np.array([[0, 0, 2, 2, 2, 2, 2, 2, -1, 1]]), 4)
    array([[0.6, 0.3, 1. , 0. ]], dtype=float32)

    References:

    - [Antol et al., "VQA: Visual Question Answering", ICCV 2015](
      https://visualqa.org/evaluation.html)
    """
    counts = np.zeros((len(answers), num_answers + 1), np.int64)
    # The class -1 is the last column, which is cut off.
    rows = np.arange(len(answers))[:, np.newaxis]
    np.add.at(counts, (rows, answers), 1)
    return _SCORES[np.minimum(counts[:, :-1], 4)]
