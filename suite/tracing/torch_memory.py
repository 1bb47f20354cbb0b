"""What a tensor's memory holds, in values of the tape: tensors that share memory change together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.weak import WeakTensorKeyDictionary

from gradlaws.suite.tape.tape import Builder, Kind, Origin, Unsupported
from gradlaws.suite.tracing.torch_call import Value, array_of, kind_of


@dataclass(frozen=True)
class Root:
    """A value that fills a storage, before anything was written into it: a view's own place is found in it."""

    number: Value
    size: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Held:
    """``version`` counts the writes into the storage that the value has seen."""

    number: Value
    root: Root | None
    version: int = 0


@dataclass
class Written:
    """A storage that was written into: all of it as one flat value."""

    storage: StorageWeakRef  # no other storage gets its address while there is one
    flat: Value
    version: int


class Memory:
    """Values of tensors. What is not in it is constant."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._held: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._constants: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._written: dict[int, Written] = {}

    def holds(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor depends on an input of the tape."""
        return tensor in self._held or self._written_at(address(tensor)) is not None

    def _written_at(self, place: int) -> Written | None:
        written = self._written.get(place)
        if written is not None and written.storage.expired():
            del self._written[place]
            return None
        return written

    def hold(self, tensor: torch.Tensor, number: int, arguments: Sequence[torch.Tensor]) -> None:
        """A result: a value of its own, or a view of an argument."""
        place = address(tensor)
        for argument in arguments:
            if address(argument) == place:
                held = self._held.get(argument)
                written = self._written_at(place)
                root = held.root if held is not None else None
                self._held[tensor] = Held(Value(number), root, written.version if written else 0)
                return
        root = Root(Value(number), tuple(tensor.shape), tensor.stride())
        self._held[tensor] = Held(Value(number), root)

    def number(self, tensor: torch.Tensor, origin: Origin) -> Value:
        """The value that a tensor has now."""
        written = self._written_at(address(tensor))
        held: Held | None = self._held.get(tensor)
        if written is None:
            return held.number if held is not None else self.constant(tensor)
        if held is None or held.version != written.version:
            number = self._read(written.flat, tensor, origin)
            held = Held(number, held.root if held is not None else None, written.version)
            self._held[tensor] = held
        return held.number

    def look(self, tensor: torch.Tensor, number: Value) -> None:
        """The tensor has become another view of what it was, which has that value."""
        held: Held | None = self._held.get(tensor)
        written = self._written_at(address(tensor))
        self._held[tensor] = Held(number, held.root if held else None, written.version if written else 0)

    def constant(self, tensor: torch.Tensor) -> Value:
        known: Value | None = self._constants.get(tensor)
        if known is None:
            known = Value(self._builder.constant(array_of(tensor), kind_of(tensor).dtype))
            self._constants[tensor] = known
        return known

    def forget_constants(self) -> None:
        """After torch has written into one of them."""
        self._constants = WeakTensorKeyDictionary()

    def write(self, tensor: torch.Tensor, number: Value, origin: Origin) -> None:
        """Puts a value in place of a tensor's, before the same is done to the tensor itself."""
        place = address(tensor)
        written = self._written_at(place)
        size = tensor.untyped_storage().nbytes() // max(tensor.itemsize, 1)
        if tensor.numel() == size and tensor.is_contiguous():
            flat = self._reshaped(number, (size,), origin)
        else:
            flat = written.flat if written is not None else self._whole(tensor, size, origin)
            if self._builder.kinds[flat].size != size:
                raise Unsupported(f"{origin} writes into a view of another type")
            flat = self._put(flat, tensor, number, origin)
        version = written.version + 1 if written is not None else 1
        self._written[place] = Written(StorageWeakRef(tensor.untyped_storage()), flat, version)
        held: Held | None = self._held.get(tensor)
        self._held[tensor] = Held(number, held.root if held is not None else None, version)

    def _whole(self, tensor: torch.Tensor, size: int, origin: Origin) -> Value:
        """The storage, flat, before the first write into it."""
        held: Held | None = self._held.get(tensor)
        if held is None:
            return self.constant(tensor.detach().as_strided((size,), (1,), 0))
        root = held.root
        if root is None or int(np.prod(root.size)) != size:
            raise Unsupported(f"{origin} writes into a part of a memory that no value fills")
        order = sorted(range(len(root.size)), key=lambda axis: (-root.stride[axis], -root.size[axis]))
        kind = self._builder.kinds[root.number]
        moved = Kind(tuple(root.size[axis] for axis in order), kind.dtype)
        number = root.number
        if order != sorted(order):
            number = Value(self._builder.one("transpose", (number,), moved, origin, permutation=tuple(order)))
        return self._reshaped(number, (size,), origin)

    def _reshaped(self, number: Value, shape: tuple[int, ...], origin: Origin) -> Value:
        kind = Kind(shape, self._builder.kinds[number].dtype)
        return Value(self._builder.one("reshape", (number,), kind, origin, shape=shape))

    def _places(self, tensor: torch.Tensor, size: int) -> Value:
        places = torch.arange(size).as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
        return self.constant(places)

    def _read(self, flat: Value, tensor: torch.Tensor, origin: Origin) -> Value:
        kind = kind_of(tensor)
        source = self._builder.kinds[flat]
        if source.dtype != kind.dtype:
            raise Unsupported(f"{origin} reads a memory of {source.dtype} as {kind.dtype} after a write into it")
        if source.size == kind.size and tensor.is_contiguous():
            return self._reshaped(flat, kind.shape, origin)
        places = self._places(tensor, source.size)
        return Value(self._builder.one("index", (flat, places), kind, origin, axes=(0,)))

    def _put(self, flat: Value, tensor: torch.Tensor, number: Value, origin: Origin) -> Value:
        kind = self._builder.kinds[flat]
        arguments = (flat, number, self._places(tensor, kind.size))
        return Value(self._builder.one("index_put", arguments, kind, origin, axes=(0,), accumulate=False))


def address(tensor: torch.Tensor) -> int:
    found: int = tensor.untyped_storage()._cdata
    return found
