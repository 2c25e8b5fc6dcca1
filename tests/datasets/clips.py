"""Tiny videos with sound, in the formats of CREMA-D and RML."""

import numpy as np

FPS = 30


def frame(index, size, color):
    """Gray, but for the middle half of the columns, which has the color."""
    width, height = size
    pixels = np.full((height, width, 3), 128, "uint8")
    pixels[:, width // 4 : -width // 4] = color
    pixels[..., 2] = 20 * (index % 12)
    return pixels


def save(path, color=(200, 100), size=(480, 360), num_frames=5, sound=True):
    """Sorenson H.263 and MP3 in `.flv`, MPEG-4 and PCM in `.avi`.

    Blue counts the frames up to twelve; the sound is a tone of 1 kHz.
    """
    import av

    video, audio, rate = {
        ".flv": ("flv", "libmp3lame", 44_100),
        ".avi": ("mpeg4", "pcm_s16le", 22_050),
    }[path.suffix]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(video, rate=FPS)
        pictures.width, pictures.height = size
        pictures.pix_fmt = "yuv420p"
        if sound:
            tones = container.add_stream(audio, rate=rate, layout="mono")
        for index in range(num_frames):
            pixels = frame(index, size, (*color, 0))
            picture = av.VideoFrame.from_ndarray(pixels, "rgb24")
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode())
        if sound:
            times = np.arange(rate * num_frames // FPS) / rate
            wave = 16_000 * np.sin(2 * np.pi * 1000 * times)
            tone = av.AudioFrame.from_ndarray(
                wave.astype("int16")[np.newaxis], "s16", "mono"
            )
            tone.sample_rate = rate
            container.mux(tones.encode(tone))
            container.mux(tones.encode())
    return path
