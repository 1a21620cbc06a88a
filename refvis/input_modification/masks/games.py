"""Games of masks: the heat map is to raise the level of a score by what it shows, or to lower it by what it hides.

    preserve: the image where the heat is 1,  reward =  f(heat)
    delete:   the image where the heat is 0,  reward = -f(1 - heat)
    dual:     both,                           reward =  f(heat) - f(1 - heat)

f(m) is the level of the image under mask m. In all games the gradient of the reward in the heat is that of f in m.
"""

from refvis.input_modification.masks.mask_objective import MaskObjective
from refvis.input_modification.masks.masks import blend, blend_gradient
from refvis.layers import Array, array_module

GAMES: dict[str, tuple[str, ...]] = {
    "preserve": ("preserve",),
    "delete": ("delete",),
    "dual": ("preserve", "delete"),
}


def reward_and_gradient(objective: MaskObjective, pyramid: Array, heat: Array, game: str) -> tuple[Array, Array]:
    """Return the reward of each heat map (N x H x W x 1), N, and its gradient, N x H x W x 1.

    `pyramid` (L x H x W x C) is the image at rising degrees of being kept; the objective has one unit.
    """
    xp = array_module(pyramid, heat)
    rewards, gradients = [], []
    for part in GAMES[game]:
        kept, sign = (heat, 1) if part == "preserve" else (1 - heat, -1)
        level, signal = objective.level_and_gradient(blend(pyramid, kept))
        rewards.append(sign * level)
        gradients.append(blend_gradient(pyramid, kept, signal))
    return xp.stack(rewards).sum(axis=0), xp.stack(gradients).sum(axis=0)


def shift(pyramid: Array, by: tuple[int, int]) -> Array:
    """Return the pyramid (L x H x W x C) shifted `by` pixels (down, right); border pixels are repeated."""
    xp = array_module(pyramid)
    rows, columns = (xp.clip(xp.arange(n) - d, 0, n - 1) for n, d in zip(pyramid.shape[1:3], by, strict=True))
    return pyramid[:, rows][:, :, columns]
