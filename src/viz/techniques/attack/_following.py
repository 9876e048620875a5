"""An attack under way: its progress, pictures of it, and what there is when Ctrl-C stops it."""

from collections.abc import Iterator

from torch import Tensor

from viz.core.images import Pixels, to_bytes
from viz.core.making import Watch
from viz.techniques.attack._attack import Found
from viz.techniques.attack._kept_frames import KeptFrames


class Way:
    """Follows the attack on a batch of pictures (b, 3, H, W), and keeps `watch.frames` pictures of each."""

    def __init__(self, watch: Watch, pictures: Tensor):
        self._watch, self._found = watch, Found(pictures, pictures.new_zeros(len(pictures)) > 0)
        self._frames = [KeptFrames(watch.frames) for _ in pictures]

    def follow(self, attack: Iterator[Found], steps: int) -> Found:
        """Where the attack ended, or how far it was when it was stopped: then `watch.interrupted` is set."""
        self._watch.begin(steps, "fooled")
        try:
            for done, self._found in enumerate(attack):
                self._keep(done)
                self._watch.step(min(done + 1, steps), float(self._found.fooled.sum()))
        except KeyboardInterrupt:
            self._watch.interrupted = True
        return self._found

    def frames(self, place: int, last: Pixels) -> tuple[Pixels, ...]:
        """Pictures of one image's way, the `last` one included."""
        return self._frames[place].chosen(last)

    def _keep(self, done: int) -> None:
        for kept, picture in zip(self._frames, self._found.pictures, strict=True):
            if kept.due(done):
                kept.add(to_bytes(picture.cpu().numpy()))
