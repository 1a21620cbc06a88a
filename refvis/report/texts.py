"""Texts of the page: titles of methods, how to read their pictures, and why methods were skipped."""

ROWS = {
    "modification": (
        "Input modification",
        "Change the image, and watch what happens to the score.",
    ),
    "deconvolutional": (
        "Deconvolutional",
        "Send a signal from the score back through the network to the pixels.",
    ),
    "reconstruction": (
        "Input reconstruction",
        "Make an image whose code inside the network resembles the code of this one, or an image that excites a unit.",
    ),
}

METHODS = {
    "occlusion_mean": "Occlusion, constant fill",
    "occlusion_random": "Occlusion, random fill",
    "gradient": "Gradient",
    "deconvnet": "Deconvnet",
    "guided": "Guided backpropagation",
    "epsilon": "Epsilon relevance",
    "epsilon_plus_flat": "Relevance, epsilon plus flat",
    "integrated_gradients": "Integrated gradients",
    "smoothgrad": "SmoothGrad",
    "grad_cam": "Grad-CAM",
    "inversion": "Inversion",
    "generator": "Generator",
    "maximization": "Maximised score",
    "units": "Maximised channels",
}

HOW_TO_READ = {
    "occlusion_mean": "Red: the score falls when a box of one colour (the average image, else black) hides this place, "
    "so the network uses it. Blue: the score rises, so this place spoke against the class.",
    "occlusion_random": "The same with boxes of noise. A plain box can itself look like a part of an object, so trust "
    "what both maps agree on.",
    "gradient": "Bright: a small change of this pixel changes the score most. The gradient shows sensitivity, not "
    "evidence, and it is noisy.",
    "deconvnet": "Bright: patterns that would excite the units, whether or not the units were active for this image. "
    "Only positive signals pass.",
    "guided": "Bright: details that active units respond to. A signal passes only where it is positive and the unit "
    "was active. The map is sharp, but nearly the same for every class.",
    "epsilon": "Red: this pixel's share of the score. Blue: its share against it. The shares add up to the score "
    "(summed over its positions), less the share of the biases.",
    "epsilon_plus_flat": "Read it like epsilon relevance. Convolutions count only contributions that speak for their "
    "outputs, and the first layer shares out evenly. The map is smoother because less cancels. The ledger below "
    "accounts for it.",
    "integrated_gradients": "Red: this pixel raises the score along the straight path from the average image (else "
    "black) to this image. Blue: it lowers the score. The shares add up to the rise of the score.",
    "smoothgrad": "Bright: the score stays sensitive to this pixel under noise. The map is the mean gradient of many "
    "noisy copies; structure that only one exact image shows cancels out.",
    "grad_cam": "Bright: the deepest layer with positions is active here, in channels that raise the score. The map is "
    "as coarse as that layer, so read regions, not edges.",
    "inversion": "An image found from noise, whose code at this layer comes close to the code of the input; the "
    "distance stands below. Details that you recognise are still encoded at this layer. Blurred or noisy areas are "
    "left open by the code.",
    "generator": "An image that a trained network draws from the input's code at this layer. It is close to the mean "
    "of all images with such a code, so details that the code leaves open are blurred and gray. Do not compare its "
    "distance with that of an inversion: an inversion is searched until its distance is small, even if it looks like "
    "noise; this image is made to look like the input.",
    "maximization": "An image found from noise that maximises the score (the mean over positions, if there are "
    "several). It shows shapes that speak for the score, in parts or repeatedly; its colours need not mean anything. "
    "Real images never reach such scores, so the value itself says nothing.",
    "units": "One image found from noise for each channel of this layer, row by row, that excites the channel. Each is "
    "as large as the receptive field of one position. A gray image means that hardly anything excites the channel.",
}

SEARCH_FAILED = (
    "This search failed: it ended far from the code of the input (the distance stands below), so the picture says "
    "nothing about this layer. Another seed or more steps may help (--seed, --steps)."
)

ZERO_MAP = "Zero everywhere: by this method, no pixel of this image counts for the score."
ZERO_GRAD_CAM = (
    "Zero everywhere: at no position do the channels of this layer add up to more for the score than against it. "
    "(refvis.grad_cam with relu=False shows how much they speak against it.)"
)

LEFT_OUT = {
    "inversion": "Left out: inversion. No layer of this network has more than one position, so there is nothing to "
    "invert.",
    "zero": "Left out: inversion of {}, where the code of this image is zero everywhere. A search cannot start from "
    "such a code.",
    "maximization": "Left out: the image that maximises the score. Its {} steps take {:.2g} multiplications on the way "
    "forward and twice as many on the way back, which may be minutes. Request it with --maximize (in Python, "
    "maximize=True).",
    "image": "Left out: the image that maximises the score. The output of this network is itself an image, so "
    "maximising its mean would only change the brightness of the input. For one position, use "
    "refvis maximize --position Y,X.",
    "diverged": "Left out: {}. The search diverged: {}.",
    "units": "Left out: maximised channels. No layer with several positions and channels can be maximised in a few "
    "seconds.",
}

LEDGER_READING = (
    "Bars to the right: the layer's biases spoke for the class and kept their share, so less reaches the pixels. Bars "
    "to the left: the biases spoke against the class, so the relevance that goes on grows by that amount."
)
LEDGER_OTHERS = " The other {} layers hand on all that they receive, to the digits shown."
