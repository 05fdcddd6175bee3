"""Writes the image files of this folder. Their pixels are known without any decoder: flat quadrants and counted grey levels.

Usage: python make.py (Pillow for the JPEG, WebP and JPEG 2000 files; PNG, TIFF and BMP files are written byte by byte here).
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


def exif_of(orientation, big_endian):
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


def tiff(name, *pages):
    """pages: (width, height, {tag: (type, values)}, strips or tiles); the tags of the pixels' place are added. Little-endian."""
    sizes = {1: 1, 3: 2, 4: 4, 13: 4}
    file = bytearray(b"II*\0" + bytes(4))
    link = 4  # where the next directory's place is to be written
    for width, height, tags, blocks in pages:
        places = []
        for block in blocks:
            places.append(len(file))
            file += block + bytes(len(block) % 2)
        place, count = (324, 325) if 322 in tags else (273, 279)
        fields = {256: (4, [width]), 257: (4, [height]), place: (4, places), count: (4, [len(block) for block in blocks])} | tags
        entries = b""
        for tag, (kind, values) in sorted(fields.items()):
            data = b"".join(value.to_bytes(sizes[kind], "little") for value in values)
            if len(data) > 4:
                file, data = file + data, struct.pack("<I", len(file))
                file += bytes(len(file) % 2)
            entries += struct.pack("<HHI", tag, kind, len(values)) + data.ljust(4, b"\0")
        file[link : link + 4] = struct.pack("<I", len(file))
        file += struct.pack("<H", len(fields)) + entries + bytes(4)
        link = len(file) - 4
    (HERE / name).write_bytes(file)


def pixels_as(photometric, samples, bits=8, **more):
    """The tags of pixels. more: orientation, subfile, planar, format (of samples), extra (samples), rows (of a strip)."""
    tags = {258: (3, [bits] * samples), 259: (3, [1]), 262: (3, [photometric]), 277: (3, [samples])}
    for key, tag in {"orientation": 274, "planar": 284, "format": 339, "extra": 338}.items():
        if key in more:
            tags[tag] = (3, [more[key]])
    if "subfile" in more:
        tags[254] = (4, [more["subfile"]])
    if "rows" in more:
        tags[278] = (4, [more["rows"]])
    return tags


def bmp(name, width, height, bits, rows, *, compression=0, after=b"", header=40, fields=b""):
    """rows: top first; or bytes of runs. after: masks or palette behind the header. fields: of a header beyond 40 bytes."""
    if not isinstance(rows, bytes):
        stride = (width * bits + 31) // 32 * 4
        rows = b"".join(row.ljust(stride, b"\0") for row in (rows if height < 0 else rows[::-1]))
    at = 14 + header + len(after)
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(rows), 0, 0, 0, 0) + fields.ljust(header - 40, b"\0")
    (HERE / name).write_bytes(b"BM" + struct.pack("<IHHI", at + len(rows), 0, 0, at) + info + after + rows)


def rows_of(image):
    data, stride = image.tobytes(), len(image.getbands()) * image.width
    return [data[y * stride : (y + 1) * stride] for y in range(image.height)]


def main():
    jpeg = {"quality": 95, "subsampling": 0}
    for orientation, operation in STORED.items():
        stored = upright() if operation is None else upright().transpose(operation)
        exif = exif_of(orientation, big_endian=orientation % 2 == 0)
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

    write_webp_and_jpeg2000()
    write_tiff(levels)
    write_bmp(indices)


def write_webp_and_jpeg2000():
    for orientation in (6, 8):
        stored = upright().transpose(STORED[orientation])
        exif = exif_of(orientation, big_endian=False)
        stored.save(HERE / f"orientation_{orientation}.webp", lossless=True, exif=exif if orientation == 6 else b"Exif\0\0" + exif)
    upright().save(HERE / "lossy.webp", quality=95)
    upright().save(HERE / "animation.webp", save_all=True, append_images=[upright().transpose(STORED[3])], lossless=True)
    upright().save(HERE / "quadrants.jp2")
    upright().save(HERE / "quadrants.j2k", no_jp2=True)


def write_tiff(levels):
    width, height = SIZE
    rgb = upright().tobytes()
    rgb_page = (*SIZE, pixels_as(2, 3), [rgb])
    small = (4, 2, pixels_as(2, 3, subfile=1), [bytes(24)])  # black: it must not be taken
    for orientation in (3, 6):
        stored = upright().transpose(STORED[orientation])
        tiff(f"orientation_{orientation}.tif", (*stored.size, pixels_as(2, 3, orientation=orientation), [stored.tobytes()]))
    rows = rows_of(upright())
    tiff("strips.tif", (*SIZE, pixels_as(2, 3, rows=5), [b"".join(rows[y : y + 5]) for y in range(0, height, 5)]))
    tiff("planes.tif", (*SIZE, pixels_as(2, 3, planar=2), [rgb[c::3] for c in range(3)]))
    tiled = pixels_as(2, 3) | {322: (4, [16]), 323: (4, [16])}
    tiff("tiles.tif", (*SIZE, tiled, [b"".join(row[3 * x : 3 * x + 48] for row in rows) for x in (0, 16)]))
    alpha = b"".join(rgb[3 * i : 3 * i + 3] + bytes([i % 256]) for i in range(width * height))
    tiff("alpha.tif", (*SIZE, pixels_as(2, 4, extra=2), [alpha]))
    halves = b"".join(bytes([255 - 50] * 16 + [255 - 200] * 16) for _ in range(height))
    tiff("white_is_zero.tif", (*SIZE, pixels_as(0, 1), [halves]))
    tiff("white_is_zero_bilevel.tif", (*SIZE, pixels_as(0, 1, bits=1), [b"\xff\xff\0\0" * height]))
    gray16 = b"".join(struct.pack("<256H", *row) for row in levels)
    tiff("gray16.tif", (256, 3, pixels_as(1, 1, bits=16), [gray16]))
    tiff("white_is_zero16.tif", (256, 3, pixels_as(0, 1, bits=16), [struct.pack("<768H", *(65535 - v for row in levels for v in row))]))
    tiff("twelve_bits.tif", (*SIZE, pixels_as(1, 1, bits=16), [struct.pack("<512H", *(8 * i for i in range(512)))]))

    tiff("full_size.tif", (*SIZE, pixels_as(2, 3, subfile=0), [rgb]))
    tiff("page.tif", (*SIZE, pixels_as(2, 3, subfile=2), [rgb]))
    tiff("orientation_0.tif", (*SIZE, pixels_as(2, 3, orientation=0), [rgb]))
    tiff("preview_first.tif", small, rgb_page)
    tiff("preview_behind.tif", rgb_page, small)
    tiff("pages.tif", rgb_page, rgb_page)
    tiff("dng.tif", (*SIZE, pixels_as(2, 3) | {50706: (1, [1, 4, 0, 0])}, [rgb]))
    tiff("raw_below_preview.tif", (4, 2, small[2] | {330: (4, [8])}, small[3]))
    tiff("sensor.tif", (*SIZE, pixels_as(32803, 1), [halves]))
    tiff("float.tif", (*SIZE, pixels_as(1, 1, bits=32, format=3), [struct.pack("<512f", *range(512))]))
    tiff("lab.tif", (*SIZE, pixels_as(8, 3), [rgb]))
    tiff("unknown_tags.tif", (*SIZE, pixels_as(2, 3) | {65000: (3, [5])}, [rgb]))


def write_bmp(indices):
    width, height = SIZE
    rows = [[upright().getpixel((x, y)) for x in range(width)] for y in range(height)]
    masks = {"masks_rgbx.bmp": (24, 16, 8), "masks_bgrx.bmp": (0, 8, 16)}  # shifts of red, green, blue
    for name, shifts in masks.items():
        packed = [b"".join(struct.pack("<I", sum(v << s for v, s in zip(color, shifts))) for color in row) for row in rows]
        bmp(name, width, height, 32, packed, compression=3, after=struct.pack("<3I", *(255 << s for s in shifts)))
    alpha = [b"".join(bytes([b, g, r, x]) for x, (r, g, b) in enumerate(row)) for row in rows]
    bmp("alpha_v5.bmp", width, -height, 32, alpha, compression=3, header=124, fields=struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    # Every value of five and of six bits: red counts up, blue counts down.
    counted = struct.pack("<64H", *((i // 2) << 11 | i << 5 | (31 - i // 2) for i in range(64)))
    bmp("masks_565.bmp", 64, 1, 16, [counted], compression=3, after=struct.pack("<3I", 0xF800, 0x7E0, 0x1F))
    palette = b"".join(bytes([b, g, r, 0]) for row in QUADRANTS for r, g, b in row)
    bmp("palette4.bmp", width, height, 4, [bytes(row[i] << 4 | row[i + 1] for i in range(0, width, 2)) for row in indices],
        after=palette.ljust(64, b"\0"))
    short = palette + b"".join(bytes(row[i] for i in range(width)) for row in indices[::-1])  # no palette entries beyond the fourth
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 0, 0, 0, 0, 0, 0)
    (HERE / "short_palette.bmp").write_bytes(b"BM" + struct.pack("<IHHI", 54 + len(short), 0, 0, 70) + info + short)
    runs = b"".join(bytes([16, row[0], 0, 16]) + bytes(row[16:]) + b"\0\0" for row in indices[::-1]) + b"\0\1"  # a run, then one by one
    bmp("runs.bmp", width, height, 8, runs, compression=1, after=palette.ljust(1024, b"\0"))


if __name__ == "__main__":
    main()
