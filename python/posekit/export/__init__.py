"""Exporters: the models that people hold become the TorchScript file that posekit loads, with its metadata inside.

``python -m posekit.export vitpose|sapiens2|hrnet|module SOURCE -o FILE`` is the command line. In code, ``vitpose``, ``sapiens2`` and ``hrnet``
return a network in eager form and its metadata, and ``write`` makes the file of them, or of a network of your own::

    network, metadata = posekit.export.vitpose("vitpose-base-simple")
    posekit.export.write(network, metadata, "vitpose.pt")

Importing this package imports neither transformers nor anything else that posekit itself does not need. docs/export.md has the rest.
"""

from ._hrnet import hrnet
from ._note import ExportNote
from ._sapiens2 import sapiens2
from ._vitpose import vitpose
from ._write import Written, write

__all__ = ["ExportNote", "Written", "hrnet", "sapiens2", "vitpose", "write"]
