"""Imported by every Python of these tests: none of them may reach a network."""

import socket


def refuse(self: socket.socket, address: object) -> None:
    raise OSError(f"a test wants to connect to {address}")


socket.socket.connect = refuse  # type: ignore[method-assign,assignment]
socket.socket.connect_ex = refuse  # type: ignore[method-assign,assignment]
