"""What a file says of itself: C2PA manifests, IPTC and EXIF metadata, generation parameters, invisible watermarks."""

from forensics.provenance.reading import read_provenance

__all__ = ["read_provenance"]
