"""Convolutional networks: lines to try and change below the code of the page."""

import torch

from cnn import convnet, fully_convolutional
from neuronup.convolution import conv2d, conv2d_by_loops, max_pool
from neuronup.costs import conv_parameters, receptive_field
from neuronup.images import Scale

# --8<-- [start:step]
image = torch.zeros(5, 6)
image[:, 2] = 1.0  # a line downwards; what is left of one across, image[2]?
across = torch.tensor([[-1.0, 0.0, 1.0]] * 3)  # and what does across.T find?
print(conv2d_by_loops(image, across))
print(conv2d_by_loops(image.roll(1, dims=1), across))  # the image moved by a pixel

# --8<-- [end:step]
# --8<-- [start:shapes]
torch.manual_seed(0)
colour = torch.rand(1, 3, 32, 32)
weight, bias = torch.rand(8, 3, 5, 5), torch.zeros(8)
for stride, padding in (1, 0), (1, 2), (2, 2):  # which padding suits 7 by 7?
    maps = conv2d(colour, weight, bias, stride, padding)
    print(f"stride {stride}, padding {padding}: {tuple(maps.shape)}")

# --8<-- [end:shapes]
# --8<-- [start:pool]
spot = torch.zeros(1, 1, 1, 8)
spot[..., 2] = 1.0
for right in range(4):  # by how much must the spot move until the pooled map moves?
    moved = spot.roll(right, dims=3).expand(1, 1, 2, 8)
    print(f"moved by {right}:", max_pool(moved, 2, stride=2).flatten().tolist())

# --8<-- [end:pool]
# --8<-- [start:costs]
for kernel, depth in (3, 1), (3, 2), (5, 1), (3, 3), (7, 1):  # and (3, 5)?
    field = receptive_field([(kernel, 1)] * depth)
    many = depth * conv_parameters(16, 16, kernel)  # 16 channels in, 16 out
    print(f"{depth} of {kernel} x {kernel}: sees {field}, {many:,} parameters")

# --8<-- [end:costs]
# --8<-- [start:slide]
grey = Scale(torch.zeros(1, 1, 1), torch.ones(1, 1, 1))
slides = fully_convolutional(convnet(8, grey, classes=10))
for side in 12, 14, 20, 40:  # 12 is an image of 8 with its padding; why not 11?
    print(f"{side} by {side}: {tuple(slides(torch.zeros(1, 1, side, side)).shape)}")

# --8<-- [end:slide]
