import sys

import numpy as np
import pytest

from keras_mmreg.datasets import faces_and_voices
from keras_mmreg.datasets import videos
from tests.datasets import clips


def test_needs_pyav(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match="`pip install av`"):
        videos.read_video(tmp_path / "clip.flv", 44_100)


@pytest.mark.parametrize("suffix", [".flv", ".avi"])
def test_middle_frame_and_sound(suffix, tmp_path):
    pytest.importorskip("av")
    path = clips.save(tmp_path / f"clip{suffix}", size=(320, 240))
    video = videos.read_video(path, 32_000, shift=1)
    assert video.frame.shape == (240, 320, 3)
    np.testing.assert_allclose(video.frame[120, 160], [200, 100, 60], atol=12)
    last = videos.read_video(path, 32_000, shift=99)
    np.testing.assert_allclose(last.frame[120, 160, 2], 80, atol=12)
    # A sixth of a second; MP3 adds silence at both ends.
    assert 5300 <= len(video.wave) <= 9000
    power = np.abs(np.fft.rfft(video.wave, 32_000))
    assert abs(power.argmax() - 1000) < 20
    assert 0.3 < np.abs(video.wave).max() < 0.7


def test_what_is_no_clip(tmp_path, monkeypatch):
    pytest.importorskip("av")
    path = tmp_path / "clip.flv"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0")
    with pytest.raises(ValueError, match="clip.flv: a pointer of Git LFS"):
        videos.read_video(path, 44_100)
    path.write_bytes(b"FLV" + bytes(100))
    with pytest.raises(ValueError, match="^clip.flv: "):
        videos.read_video(path, 44_100)
    clips.save(path, size=(64, 64), sound=False)
    with pytest.raises(ValueError, match="clip.flv: a video without sound"):
        videos.read_video(path, 44_100)
    clips.save(path, size=(64, 64))
    monkeypatch.setattr(videos, "_MAX_SECONDS", 0.04)
    with pytest.raises(ValueError, match="longer than"):
        videos.read_video(path, 44_100)
    monkeypatch.setattr(videos, "_MAX_PIXELS", 100)
    with pytest.raises(ValueError, match="more than 100 pixels in all"):
        videos.read_video(path, 44_100)


def test_crop():
    pytest.importorskip("PIL")
    frame = clips.frame(3, (480, 360), (200, 100, 0))
    face = faces_and_voices.crop_face(frame, 200, top=0)
    assert face.shape == (128, 128, 3)
    assert (face == [200, 100, 60]).all()
    with pytest.raises(ValueError, match="480 x 360 pixels, which holds no"):
        faces_and_voices.crop_face(frame, 280, top=100)
