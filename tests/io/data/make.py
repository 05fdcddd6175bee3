"""Writes the image files of this folder. Their pixels are known without any decoder: flat quadrants and counted grey levels.

Usage: python make.py (Pillow for the JPEG files; the PNG files are written byte by byte here).
"""
import struct
import zlib
from pathlib import Path

from PIL import Image, ImageOps

HERE = Path(__file__).parent
# The upright picture: 32x16, four flat quadrants, so that every orientation looks different. JPEG blocks of 8x8 fit in.
SIZE = (32, 16)
RED, GREEN, BLUE, WHITE = (200, 40, 30), (30, 180, 60), (40, 60, 210), (240, 240, 240)
QUADRANTS = ((RED, GREEN), (BLUE, WHITE))
# How the stored picture comes from the upright one: the inverse of what EXIF asks a reader to do.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def upright():
    image = Image.new("RGB", SIZE)
    for y in range(SIZE[1]):
        for x in range(SIZE[0]):
            image.putpixel((x, y), QUADRANTS[2 * y // SIZE[1]][2 * x // SIZE[0]])
    return image


def tiff(orientation, big_endian):
    """A TIFF structure with one entry, the orientation."""
    order = ">" if big_endian else "<"
    head = b"MM\0\x2a" if big_endian else b"II\x2a\0"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def png(name, width, height, depth, color_type, rows, chunks=()):
    """rows: bytes of each row, packed as PNG has them."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    body += b"".join(chunk(kind, data) for kind, data in chunks)
    body += chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 9)) + chunk(b"IEND", b"")
    (HERE / name).write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def rows_of(image):
    data, stride = image.tobytes(), len(image.getbands()) * image.width
    return [data[y * stride : (y + 1) * stride] for y in range(image.height)]


def main():
    jpeg = {"quality": 95, "subsampling": 0}
    for orientation, operation in STORED.items():
        stored = upright() if operation is None else upright().transpose(operation)
        exif = tiff(orientation, big_endian=orientation % 2 == 0)
        stored.save(HERE / f"orientation_{orientation}.jpg", exif=b"Exif\0\0" + exif, **jpeg)
        check = Image.open(HERE / f"orientation_{orientation}.jpg")
        assert ImageOps.exif_transpose(check).size == SIZE
        if orientation in (6, 7):
            png(f"orientation_{orientation}.png", *stored.size, 8, 2, rows_of(stored), [(b"eXIf", exif)])
    upright().save(HERE / "progressive.jpg", progressive=True, **jpeg)
    upright().convert("CMYK").save(HERE / "cmyk.jpg", **jpeg)
    upright().save(HERE / "quadrants.bmp")

    # Two quadrants of gray: left 50, right 200.
    gray = Image.new("L", SIZE, 50)
    gray.paste(200, (SIZE[0] // 2, 0, *SIZE))
    gray.save(HERE / "gray.jpg", quality=95)
    png("gray.png", *SIZE, 8, 0, rows_of(gray))
    png("gray_alpha.png", *SIZE, 8, 4, [bytes(v for g in row for v in (g, 255 - g)) for row in rows_of(gray)])
    png("bilevel.png", *SIZE, 1, 0, [b"\0\0\xff\xff"] * SIZE[1])

    # Alpha runs through 0 too: the colour below it counts all the same.
    alpha = Image.new("L", SIZE)
    alpha.putdata([(x * 8) % 256 for y in range(SIZE[1]) for x in range(SIZE[0])])
    rgba = upright()
    rgba.putalpha(alpha)
    png("rgba.png", *SIZE, 8, 6, rows_of(rgba))
    indices = [bytes(2 * (2 * y // SIZE[1]) + 2 * x // SIZE[0] for x in range(SIZE[0])) for y in range(SIZE[1])]
    palette = b"".join(bytes(color) for row in QUADRANTS for color in row)
    png("palette.png", *SIZE, 8, 3, indices, [(b"PLTE", palette)])
    png("palette_alpha.png", *SIZE, 8, 3, indices, [(b"PLTE", palette), (b"tRNS", bytes([0, 128, 255, 7]))])

    # 16 bits: around each of 256 levels v the values that still round to v (rows 0, 1) and the first that does not (row 2).
    levels = [[max(0, v * 257 - 128) for v in range(256)], [min(65535, v * 257 + 128) for v in range(256)],
              [min(65535, v * 257 + 129) for v in range(256)]]
    png("gray16.png", 256, 3, 16, 0, [struct.pack(">256H", *row) for row in levels])
    png("rgb16.png", 256, 3, 16, 2, [struct.pack(">768H", *(u for v in row for u in (v, 65535 - v, v))) for row in levels])


if __name__ == "__main__":
    main()
