"""What the page says about each method: titles, and one sentence on how to read the picture."""

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
        "Make an image whose code inside the network resembles that of this one, or that excites a unit.",
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
    "occlusion_mean": "Red: the score falls when a box of one colour (the average image, else black) "
    "hides this place, so the network uses it; "
    "blue: the score rises, so it spoke against the class.",
    "occlusion_random": "The same, but the box is filled with noise: a plain box can itself look like part of an "
    "object, so what both agree on is safer.",
    "gradient": "Bright: a small change of this pixel changes the score most; it shows sensitivity, not evidence, and "
    "is noisy.",
    "deconvnet": "Bright: patterns that would drive the units up, whether or not they were active here, since only "
    "positive signals pass.",
    "guided": "Bright: details that active units respond to, since signal and activation both have to be positive; "
    "sharp, but nearly the same for every class.",
    "epsilon": "Red: this pixel's share of the score; blue: its share against it; the shares add up to the score "
    "(summed over its positions), less what biases took.",
    "epsilon_plus_flat": "Red: as for epsilon relevance, but convolutions count only what speaks for their outputs, "
    "and the first shares out evenly: smoother, since less cancels; the ledger below accounts for it.",
    "integrated_gradients": "Red: what this pixel adds to the score on the straight way from the average image (else "
    "black) to this one; blue: what it takes away; the shares add up to the rise of the score.",
    "smoothgrad": "Bright: pixels to which the score stays sensitive under noise, as the mean gradient of many noisy "
    "copies; what only one exact image shows cancels out.",
    "grad_cam": "Bright: where the deepest layer with positions is active in channels that raise the score; as coarse "
    "as that layer, so read regions, not edges.",
    "inversion": "An image found from noise, whose code at this layer comes close to that of the input "
    "(how close stands below): what it shows, the layer still knows; where it is washed out or noise, images of many "
    "kinds have such a code.",
    "generator": "Drawn from the input's code at this layer by a network that has learned to: about the mean of all "
    "images that have such a code, so blurred and gray is what the code does not tell. Its distance answers another "
    "question than an inversion's: that one was searched for until it was small, even if the image is noise to the "
    "eye; this image was drawn to look like the input, and only nearly has its code.",
    "maximization": "An image found from noise, which drives the score up (over several positions, their mean): "
    "shapes that speak for it, in parts or more than once, in colours that need not mean anything. Such scores lie far "
    "outside what images give, so how high it is tells nothing.",
    "units": "For each channel of this layer, in rows, an image found from noise that excites it: as large as what "
    "one position of the layer sees; a gray one is hardly excited by anything.",
}

SEARCH_FAILED = (
    "This search failed: it ended far from the code of the input (how far stands below), so the picture says nothing "
    "about what the layer knows. Another seed or more steps may help (--seed, --steps)."
)

NOTHING_FOUND = "Zero everywhere: by this method, no pixel of this image counts for the score."
NOTHING_ABOVE_ZERO = (
    "Zero everywhere: at no position do this layer's channels add up to more for the score than against it "
    "(refvis.grad_cam with relu=False shows how much against)."
)

LEFT_OUT = {
    "inversion": "No layer of this network has more than one position: there is nothing to invert.",
    "zero": "Left out: inversion of {}, where the code of this image is zero everywhere, so that nothing can be found "
    "from it.",
    "maximization": "Left out: the image that maximises the score. Its {} steps take {:.2g} multiplications and twice "
    "as many on the way back, which may be minutes: ask for it with --maximize (from Python, maximize=True).",
    "image": "Left out: the image that maximises the score. The output of this network is itself an image, and its "
    "mean over all positions follows the brightness of the input. For one position: refvis maximize --position Y,X.",
    "diverged": "Left out: {}. The search went astray: {}.",
    "units": "Left out: the channels of a layer; no layer with positions has several that take seconds to maximise.",
}

LEDGER_READING = (
    "To the right: the layer's biases spoke for the class and kept their share, so less goes on to the pixels; to the "
    "left: they spoke against it, and what goes on grows by that much."
)
LEDGER_OTHERS = " The other {} layers hand on all that they receive, to the digits shown."
