"""A network of the user's own: "package:function" names a function that returns it."""

from __future__ import annotations

import importlib
import inspect

from torch import nn

from .._errors import InvalidArgumentError, NotFoundError, UnsupportedModelError


def module_of(name: str) -> nn.Module:
    """Imports a package and calls a function of it without arguments, which runs their code.

    name: "package:function"; the package may have dots, and the working folder is searched first.

    Raises InvalidArgumentError, NotFoundError, UnsupportedModelError. What the function raises passes.
    """
    package, colon, function = name.partition(":")
    if not (colon and function and all(part.isidentifier() for part in package.split("."))):
        raise InvalidArgumentError(f'"{name}" was given, package:function is expected, for example networks:make')
    try:
        imported = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or not (package + ".").startswith(error.name + "."):
            raise
        raise NotFoundError(f'there is no package or module "{package}": run in the folder that holds it, or install it') from None
    make = getattr(imported, function, None)
    if not callable(make):
        raise NotFoundError(f'"{package}" has no function "{function}": name one that returns the network')
    try:
        inspect.signature(make).bind()
    except TypeError as error:
        raise InvalidArgumentError(f'"{name}" needs arguments ("{error}"), a function without any is expected: wrap it in one') from None
    except ValueError:  # of some that are written in C
        pass
    network = make()
    if not isinstance(network, nn.Module):
        raise UnsupportedModelError(
            f'"{name}" returns {type(network).__name__}, a torch.nn.Module is expected: make the function return one'
        )
    return network
