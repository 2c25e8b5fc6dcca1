import matplotlib
import matplotlib.pyplot as plt
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    """Draws every figure once, so that its texts are laid out, and closes it.

    A missing glyph or a layout that does not fit is a warning, hence an error.
    """
    plt.close("all")  # Those of other tests.
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    plt.close("all")
