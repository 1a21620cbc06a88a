"""Small labelled pictures with known ground truth, to check heatmaps against.

Each scene is a 64 x 64 colour picture of one object of ten classes, with the mask of the object's visible pixels.
Background, clutter, distractors, colours and textures are drawn independently of the class: only the shape tells it.

    >>> from refvis.scenes import CLASSES, scene
    >>> one = scene(7, label=CLASSES.index("key"))
    >>> one.name, one.image.shape, one.image.dtype.name, one.mask.shape
    ('key', (64, 64, 3), 'uint8', (64, 64))

Held-out scenes have the seeds ``TEST_SEEDS`` (from 0), training scenes ``TRAINING_SEEDS`` (from 1_000_000): the two
never overlap, so a network trained on training scenes has not seen any held-out scene.
"""

from refvis.scenes.scene import CLASSES, SIDE, TEST_SEEDS, TRAINING_SEEDS, Scene, batch, scene

__all__ = ["CLASSES", "SIDE", "TEST_SEEDS", "TRAINING_SEEDS", "Scene", "batch", "scene"]
