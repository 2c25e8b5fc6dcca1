"""Chooses the epochs in which a callback measures."""

from keras_mmreg.checks import check_integer


class Frequency:
    """Every n-th epoch, counted from the first of a `fit`.

    Args:
        epochs: Positive integer, the number of epochs from one measurement to
            the next.
    """

    def __init__(self, epochs: int) -> None:
        check_integer("frequency", epochs, minimum=1)
        self.epochs = epochs
        self._first: int | None = None

    def restart(self) -> None:
        """Forgets the first epoch of an earlier `fit`."""
        self._first = None

    def is_due(self, epoch: int) -> bool:
        """Returns whether to measure after this epoch."""
        if self._first is None:
            self._first = epoch
        return (epoch - self._first) % self.epochs == 0
