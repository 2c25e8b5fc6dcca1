"""Selects the output of a model that a report is on."""

from typing import Any
from typing import NamedTuple

from keras_mmreg.checks import check_choice


class Output(NamedTuple):
    """One of a model's outputs, by its name or its index.

    Attributes:
        name: The output's key, name or index, or `None` if it is the only one.
        names: The names of all outputs, in order, if the model has names.
    """

    name: str | int | None
    names: tuple[str, ...] = ()

    def of(self, structure: Any, what: str) -> Any:
        """Returns the part of a structure that belongs to the output.

        Args:
            structure: Predictions, labels or weights of the outputs: a dict by
                name, or a list by index.
            what: What the structure contains, for the error message.

        Raises:
            ValueError: If there are several parts and `output` selects none.
        """
        if not isinstance(structure, dict | list | tuple):
            return structure
        parts = _by_place(structure)
        # A list of one element has no names.
        if len(parts) == 1 and (self.name is None or list(parts) == [0]):
            return next(iter(parts.values()))
        for place in self._places():
            if place in parts:
                return parts[place]
        raise ValueError(
            f"`output` must name one of the model's outputs, whose {what} are "
            f"given by {list(parts)}. Received: output={self.name!r}"
        )

    def found_in(self, structure: Any) -> Any:
        """Returns the output's losses or metrics, or `None` if it has none."""
        if not isinstance(structure, dict | list | tuple):
            return structure
        parts = _by_place(structure)
        return next((parts[p] for p in self._places() if p in parts), None)

    def check(self, predictions: Any) -> None:
        """Raises for an output that a model does not have.

        Raises:
            ValueError: If the predictions have no such name or index.
        """
        if isinstance(predictions, dict):
            return  # The keys are names, which `of` looks up.
        several = isinstance(predictions, list | tuple)
        count = len(predictions) if several else 1
        if isinstance(self.name, str) and self.names:
            check_choice("output", self.name, self.names)
        if isinstance(self.name, int) and not 0 <= self.name < count:
            raise ValueError(
                f"`output` must be below {count}, the number of the model's "
                f"outputs. Received: output={self.name}"
            )

    def _places(self) -> list[Any]:
        """The names and the index by which the output may be called."""
        places: list[Any] = [self.name]
        if isinstance(self.name, str) and self.name in self.names:
            places.append(self.names.index(self.name))
        elif isinstance(self.name, int) and self.name < len(self.names):
            places.append(self.names[self.name])
        return places


def _by_place(structure: Any) -> dict[Any, Any]:
    return (
        structure if isinstance(structure, dict) else dict(enumerate(structure))
    )
