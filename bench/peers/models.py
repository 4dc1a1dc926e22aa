"""The models of src/models.ts in PyTorch, with the same state-dict keys; see there."""

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, HEADS, PLACES, CHARACTERS = 128, 4, 64, 65


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        fits = stride == 1 and inputs == outputs
        self.down = (
            None
            if fits
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        shortcut = x if self.down is None else self.down(x)
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        sizes = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1)]
        sizes += [(128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
        self.layers = nn.Sequential(*(Residual(*size) for size in sizes))
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = self.layers(F.relu(self.bn1(self.conv1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def separable(inputs, outputs, stride):
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        sizes = [(16, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2)]
        self.body = nn.Sequential(*(separable(*size) for size in sizes))
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        x = self.body(F.relu(self.stem(x)))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(3, 16, 3, padding=1)
        self.down2 = nn.Conv2d(16, 32, 3, padding=1)
        self.middle = nn.Conv2d(32, 64, 3, padding=1)
        self.up2 = nn.ConvTranspose2d(64, 32, 2, 2)
        self.join2 = nn.Conv2d(64, 32, 3, padding=1)
        self.up1 = nn.ConvTranspose2d(32, 16, 2, 2)
        self.join1 = nn.Conv2d(32, 16, 3, padding=1)
        self.out = nn.Conv2d(16, 3, 1)

    def forward(self, x):
        a = F.relu(self.down1(x))
        b = F.relu(self.down2(F.max_pool2d(a, 2)))
        middle = F.relu(self.middle(F.max_pool2d(b, 2)))
        u = F.relu(self.join2(torch.cat([self.up2(middle), b], 1)))
        return self.out(F.relu(self.join1(torch.cat([self.up1(u), a], 1))))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(28, 64, batch_first=True)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


class WideMlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 2048)
        self.fc2 = nn.Linear(2048, 2048)
        self.fc3 = nn.Linear(2048, 10)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1 = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)
        self.ln2 = nn.LayerNorm(WIDTH)
        self.fc = nn.Linear(WIDTH, 4 * WIDTH)
        self.out = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        batch, places, _ = x.shape
        parts = self.qkv(self.ln1(x)).chunk(3, 2)
        q, k, v = (part.view(batch, places, HEADS, WIDTH // HEADS).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
        x = x + self.proj(seen.reshape(batch, places, WIDTH))
        return x + self.out(F.gelu(self.fc(self.ln2(x))))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(CHARACTERS, WIDTH)
        self.pos = nn.Embedding(PLACES, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(4)))
        self.ln = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, CHARACTERS, bias=False)

    def forward(self, x):
        features = self.blocks(self.tok(x) + self.pos(torch.arange(x.shape[1])))
        return self.head(self.ln(features)).permute(0, 2, 1)


def with_momentum(parameters):
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9)


def by_adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3)


def by_adamw(parameters):
    return torch.optim.AdamW(parameters, lr=3e-4)


IMAGES, CLASSES, TEXT = ([3, 32, 32], None), ([], 10), ([PLACES], CHARACTERS)

# Per model: how it is made, a sample of its input and of its targets (shape, and of whole numbers how many there are), its
# loss and its optimizer.
MODELS = {
    "gpt": (Gpt, TEXT, TEXT, F.cross_entropy, by_adamw),
    "lstm": (Lstm, ([28, 28], None), CLASSES, F.cross_entropy, by_adam),
    "resnet18": (ResNet18, IMAGES, CLASSES, F.cross_entropy, with_momentum),
    "mobilenet": (MobileNet, IMAGES, CLASSES, F.cross_entropy, with_momentum),
    "unet": (UNet, ([3, 64, 64], None), ([3, 64, 64], None), F.mse_loss, by_adam),
    "mlp-wide": (WideMlp, ([784], None), CLASSES, F.cross_entropy, by_adam),
}


def start(net, prefix, generate, init_scale):
    """Gives every parameter the numbers that src/models.ts gives it."""
    with torch.no_grad():
        for key, value in net.named_parameters():
            if value.ndim < 2:
                value.fill_(1.0 if key.endswith("weight") else 0.0)
            else:
                value.copy_(generate(f"{prefix}/{key}", list(value.shape), init_scale(value[0].numel())))
    return net
