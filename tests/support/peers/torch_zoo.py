"""Small networks in the shapes of well-known ones, with random weights, in torch; all images are 3 x 37 x 41."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = (37, 41)
CLASSES = 7


def conv(
    before: int, after: int, size: int = 3, stride: int = 1, groups: int = 1, act: nn.Module | None = None
) -> nn.Module:
    """Return a convolution that pads by half its size, batch normalisation, and an activation."""
    parts = [nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(after)]
    return nn.Sequential(*parts, *([] if act is None else [act]))


class Vgg(nn.Module):
    """Convolutions and max pooling; dense layers read the last map, with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2),
            nn.Conv2d(8, 11, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(11, 10, 3), nn.ReLU(True), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Linear(10 * 3 * 3, 19), nn.ReLU(True), nn.Dropout(), nn.Linear(19, CLASSES), nn.Softmax(1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


class AlexNet(nn.Module):
    """Strided and grouped convolutions, average pooling to a given size."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(8, 12, 3, padding=(1, 2), groups=2), nn.LeakyReLU(0.125),
        )  # fmt: skip
        self.classifier = nn.Linear(12 * 7 * 10, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.avg_pool2d(self.features(x), 3, 1, padding=1)
        return self.classifier(y.view(y.size(0), -1))


class Block(nn.Module):
    """Residual block with a projection where sizes change."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(before, after, 3, stride, act=nn.ReLU()), conv(after, after))
        self.short = conv(before, after, 1, stride) if before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + self.short(x))


class ResNet(nn.Module):
    """Residual blocks, batch normalisation, global average pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 8, 7, 2, act=nn.ReLU()), nn.MaxPool2d(3, 2, 1))
        self.layer1, self.layer2 = Block(8, 8, 1), Block(8, 14, 2)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(14, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.pool(self.layer2(self.layer1(self.stem(x)))), 1))


class Inverted(nn.Module):
    """Inverted residual of MobileNetV2: expansion, depthwise convolution, projection."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        wide = 3 * before
        self.body = nn.Sequential(
            conv(before, wide, 1, act=nn.ReLU6()),
            conv(wide, wide, 3, stride, groups=wide, act=nn.ReLU6()),
            conv(wide, after, 1),
        )
        self.adds = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.adds else self.body(x)


class MobileNetV2(nn.Module):
    """Inverted residuals with ReLU6; the mean over rows and columns."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 8, 3, 2, act=nn.ReLU6()), Inverted(8, 8, 1), Inverted(8, 10, 2), conv(10, 22, 1, act=nn.ReLU6())
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(22, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.body(x).mean([2, 3]))


class Squeeze(nn.Module):
    """Squeeze and excitation: a factor for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = functional.adaptive_avg_pool2d(x, 1)
        return functional.hardsigmoid(self.up(functional.relu(self.down(gate)))) * x


class MobileNetV3(nn.Module):
    """Hard swish, squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.se = conv(3, 8, 3, 2, act=nn.Hardswish()), Squeeze(8)
        self.body = conv(8, 12, 5, 2, groups=4, act=nn.Hardswish())
        self.classifier = nn.Sequential(nn.Linear(12, 16), nn.Hardswish(), nn.Linear(16, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.adaptive_avg_pool2d(self.body(self.se(self.stem(x))), 1)
        return self.classifier(torch.flatten(y, 1))


class EfficientNet(nn.Module):
    """Swish, and squeeze and excitation by a sigmoid; images are normalised inside."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, -0.2, 0.3]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.5, 1.5, 2.0]).view(1, 3, 1, 1))
        self.stem, self.down, self.up = conv(3, 8, 3, 2, act=nn.SiLU()), nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem((x - self.mean) / self.std)
        y = y * torch.sigmoid(self.up(functional.silu(self.down(y.mean((2, 3), keepdim=True)))))
        return functional.log_softmax(self.fc(y.mean((2, 3))), 1)


class Fire(nn.Module):
    """Fire module: a squeeze, and two expansions side by side."""

    def __init__(self, before: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(before, narrow, 1)
        self.one, self.three = nn.Conv2d(narrow, wide, 1), nn.Conv2d(narrow, wide + 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.squeeze(x))
        return torch.cat([functional.relu(self.one(y)), functional.relu(self.three(y))], 1)


class SqueezeNet(nn.Module):
    """Fire modules, a convolution in place of the dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(8, 4, 6), Fire(13, 5, 7)
        )
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(15, CLASSES, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(self.classifier(self.features(x)), 1)


class DenseNet(nn.Module):
    """Each layer reads all before it; normalisation and activation before the convolution; average pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 5, 2, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(6 + 4 * number) for number in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(6 + 4 * number, 4, 3, padding=1, bias=False) for number in range(3))
        self.end, self.fc = nn.BatchNorm2d(18), nn.Linear(18, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.stem(x)]
        for norm, layer in zip(self.norms, self.convs, strict=True):
            maps.append(layer(functional.relu(norm(torch.cat(maps, 1)))))
        y = functional.avg_pool2d(torch.cat(maps, 1), 2)
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(functional.relu(self.end(y)), (1, 1)), 1))


class UNet(nn.Module):
    """Down by max pooling, up by a transposed convolution and by interpolation, with maps handed across."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = conv(3, 6, act=nn.ReLU()), conv(6, 9, act=nn.ReLU())
        self.three = conv(9, 11, act=nn.ReLU())
        self.up = nn.ConvTranspose2d(11, 5, 3, 2, 1, output_padding=1)
        self.merge, self.last = conv(14, 8, act=nn.ReLU()), nn.Conv2d(14, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.one(functional.pad(x, (1, 2, 2, 1)))
        second = self.two(functional.max_pool2d(first, 2))
        third = self.three(functional.max_pool2d(second, 2))
        y = torch.cat([self.up(third), second], 1)
        y = functional.interpolate(self.merge(y), scale_factor=2, mode="bilinear", align_corners=False)
        return self.last(torch.cat([y, first], 1))


class SuperResolution(nn.Module):
    """Tanh, slopes that are learnt, pixels from channels, and the image enlarged by its nearest pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.Tanh(), nn.Conv2d(8, 6, 3, padding=1), nn.PReLU(6))
        self.up = nn.Sequential(nn.Conv2d(6, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.body(x)) + functional.interpolate(x, scale_factor=2.0, mode="nearest")


class ShuffleNet(nn.Module):
    """Channels that are split, and shuffled between groups."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch = conv(3, 8, 3, 2, act=nn.ReLU()), conv(4, 4, 3, groups=2, act=nn.ReLU())
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.stem(x).chunk(2, dim=1)
        y = torch.cat((left, self.branch(right)), dim=1)
        n, c, h, w = y.shape
        y = y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.fc(y.mean([2, 3]))


ZOO = (
    AlexNet, DenseNet, EfficientNet, MobileNetV2, MobileNetV3, ResNet, ShuffleNet, SqueezeNet, SuperResolution, UNet,
    Vgg,
)  # fmt: skip


def made(kind: type[nn.Module], seed: int = 0) -> nn.Module:
    """Return a network with random weights and moments, ready to be applied."""
    torch.manual_seed(seed)
    net = kind()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.5)
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.5, 0.5)
    return net.eval()
