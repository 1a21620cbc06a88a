"""The games that masks play: what a heat map shows or hides is to raise the level of a score, or to lower it.

    preserve: the image where the heat is,  reward =  f(heat)
    delete:   the image where it is not,    reward = -f(1 - heat)
    dual:     both,                         reward =  f(heat) - f(1 - heat)

f(m) is the level of the image under mask m. In all of them the reward rises with the heat as f does with m.
"""

from refvis.input_modification.masks.mask_objective import Watched
from refvis.input_modification.masks.masks import mixed, mixed_gradient
from refvis.layers import Array, array_module

GAMES: dict[str, tuple[str, ...]] = {
    "preserve": ("preserve",),
    "delete": ("delete",),
    "dual": ("preserve", "delete"),
}


def played(seen: Watched, levels: Array, heat: Array, game: str) -> tuple[Array, Array]:
    """Return the reward of each heat map (N x H x W x 1), N, and its gradient, N x H x W x 1.

    `levels` (L x H x W x C) are the image at rising degrees of being kept; `seen` watches one unit.
    """
    xp = array_module(levels, heat)
    rewards, gradients = [], []
    for one in GAMES[game]:
        kept, sign = (heat, 1) if one == "preserve" else (1 - heat, -1)
        level, signal = seen.pulled(mixed(levels, kept))
        rewards.append(sign * level)
        gradients.append(mixed_gradient(levels, kept, signal))
    return xp.stack(rewards).sum(axis=0), xp.stack(gradients).sum(axis=0)


def moved(levels: Array, by: tuple[int, int]) -> Array:
    """Return the levels (L x H x W x C), moved `by` pixels (down, right); what comes in repeats the border."""
    xp = array_module(levels)
    rows, columns = (xp.clip(xp.arange(n) - d, 0, n - 1) for n, d in zip(levels.shape[1:3], by, strict=True))
    return levels[:, rows][:, :, columns]
