"""Reader of PyTorch modules: torch traces a module on an example, and its calls become the network."""

import operator
import sys
from importlib import import_module
from typing import Any

import numpy as np

from refvis.weights.matconvnet.model import Model
from refvis.weights.onnx.read import read_onnx
from refvis.weights.torch_modules.call import Call, Listing, Outside, Value, flat
from refvis.weights.torch_modules.functions import ALIASES, FUNCTIONS, MODULES

OPSET = 13
"""The version of ONNX's operators in which the calls are written down."""

OWN = ("torch", "_operator")
"""Where the functions come from that the table of functions means."""

NOT_TRACED = (
    "torch.fx cannot trace the module ({}): its forward method depends on values, or takes more than one input; "
    "export it with torch.onnx.export, and load that file with refvis.load"
)


def read_torch(module: Any, example: Any) -> Model:
    """Return the network that a torch module in eval mode computes.

    Parameters:

        module    a torch.nn.Module of one input
        example   an input of it, N x C x H x W, an array or a tensor; it gives the sizes

    Layers have the names of their modules, or of the calls. Raises TypeError for anything that is not a module,
    ValueError for a module in training mode, an example of another shape, and a module that torch cannot trace.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        raise TypeError(f"the module is of type {type(module).__name__}, expected a torch.nn.Module")
    trained = next((name for name, one in module.named_modules() if one.training), None)
    if trained is not None:
        what = f"its part {trained!r}" if trained else "the module"
        raise ValueError(f"{what} is in training mode: call module.eval() first")
    shape = tuple(np.shape(example))
    if len(shape) != 4 or 0 in shape:
        raise ValueError(f"the example has shape {shape}, expected N x C x H x W")
    first = next((one for one in module.parameters() if one.is_floating_point()), None)
    kind = {} if first is None else {"dtype": first.dtype, "device": first.device}
    with torch.no_grad():
        return read_onnx(Tracing(torch, module).run(torch.as_tensor(example, **kind).clone()))


class Tracing:
    """The calls of a traced module, run one after the other on an example.

    `values` has for each call what it gives: a `Value`; an array or plain values where it does not depend on the input.
    """

    def __init__(self, torch: Any, module: Any) -> None:
        """Trace the module."""
        self.torch, self.fx = torch, import_module("torch.fx")
        try:
            self.traced = self.fx.symbolic_trace(module)
        except Exception as error:  # the module's own code runs here, with stand-ins for tensors
            raise ValueError(NOT_TRACED.format(error)) from error
        self.values: dict[Any, Any] = {}
        self.results: dict[Any, Any] = {}
        self.versions: dict[Any, int] = {}
        self.listing = Listing()

    def run(self, x: Any) -> dict[str, Any]:
        """Return the graph in the plain values that `read_onnx` takes."""
        self.dtype = self.host(x).dtype
        interpreter = self.fx.Interpreter(self.traced)
        interpreter.args_iter = iter([x])
        outputs: list[str] = []
        inputs = [node for node in self.traced.graph.nodes if node.op == "placeholder"]
        for node in self.traced.graph.nodes:
            try:
                result = interpreter.env[node] = interpreter.run_node(node)
            except Exception as error:  # the module's own code fails for this example
                raise ValueError(f"the module fails for the example at {node.name!r}: {error}") from error
            self.require_unchanged(node, result)
            self.results[node] = result
            self.versions[node] = getattr(result, "_version", 0)
            if node.op == "output":
                found = flat(self.valued(list(node.args[0].values()) if isinstance(node.args[0], dict) else node.args))
                outputs = [one.name for one in found if isinstance(one, Value)]
            elif node is inputs[0]:
                self.values[node] = Value(node.name, tuple(x.shape))
            else:
                self.values[node] = self.value_of(node, result)
        return {
            "nodes": self.listing.nodes,
            "constants": self.listing.constants,
            "inputs": [{"name": inputs[0].name, "shape": list(x.shape)}],
            "outputs": outputs,
            "opset": OPSET,
        }

    def require_unchanged(self, node: Any, result: Any) -> None:
        """Raise ValueError if a call reads a tensor that another one changed in place through a view of it."""
        for other, before in self.results.items():
            if before is result:
                self.versions[other] = result._version if isinstance(result, self.torch.Tensor) else 0
        for other in node.all_input_nodes:
            if getattr(self.results[other], "_version", 0) != self.versions[other]:
                raise ValueError(
                    f"{node.name!r} reads {other.name!r}, which another call changed in place through a view of it: "
                    "make that call out of place"
                )

    def host(self, tensor: Any) -> Any:
        """Return a tensor as an array of floats of 32 or 64 bits, or of whole numbers."""
        narrow = tensor.is_floating_point() and tensor.dtype not in (self.torch.float32, self.torch.float64)
        return (tensor.float() if narrow else tensor).detach().cpu().numpy().copy()

    def plain(self, value: Any) -> Any:
        """Return a value without tensors of torch."""
        return self.host(value) if isinstance(value, self.torch.Tensor) else value

    def valued(self, arguments: Any) -> Any:
        """Return the arguments of a call, with what is known of the calls among them."""
        if isinstance(arguments, list | tuple):
            return [self.valued(one) for one in arguments]
        return self.values[arguments] if isinstance(arguments, self.fx.Node) else arguments

    def value_of(self, node: Any, result: Any) -> Any:
        """Return what a call gives; add its operators if it depends on the network's input."""
        arguments = self.valued(list(node.args))
        options = {name: self.valued(one) for name, one in node.kwargs.items()}
        reads = any(isinstance(one, Value) for one in flat([arguments, list(options.values())]))
        tensors = [one for one in flat(result) if isinstance(one, self.torch.Tensor)]
        if not reads or not tensors:
            return self.plain(result)
        if node.target is operator.getitem and isinstance(arguments[0], list | tuple):
            return arguments[0][arguments[1]]
        shapes = [tuple(one.shape) for one in tensors]
        several = isinstance(result, list | tuple)
        kind, name, given = self.named(node, arguments, options)
        call = Call(self.listing, kind, name, node.name, given, shapes if several else shapes[0], self.dtype)
        value = self.operators(call)
        for other, before in self.results.items():
            if before is result:  # a call in place: whoever reads its input from here on, reads its output
                self.values[other] = value
        return value

    def operators(self, call: Call) -> Any:
        """Add the operators of a call, or a layer without implementation."""
        before = len(self.listing.nodes)
        try:
            if call.kind in FUNCTIONS:
                return FUNCTIONS[call.kind][1](call)
        except Outside:
            del self.listing.nodes[before:]
        return call.unknown()

    def named(self, node: Any, arguments: list[Any], options: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """Return the function's name, the layer's name, and the arguments by name."""
        if node.op == "call_module":
            module = self.traced.get_submodule(node.target)
            kind = MODULES.get(type(module).__name__, type(module).__name__)
            defaults = FUNCTIONS[kind][0] if kind in FUNCTIONS else {}
            names = [*defaults, "padding_mode"]
            own = {name: self.plain(getattr(module, name)) for name in names if hasattr(module, name)}
            return kind, node.target, {**defaults, **own, "input": arguments[0]}
        kind = self.function_name(node)
        defaults = FUNCTIONS[kind][0] if kind in FUNCTIONS else {}
        if kind == "permute":
            arguments = [arguments[0], arguments[1:]] if arguments[1:] else arguments
        names = ["tensors" if kind == "cat" else "input", *defaults]
        names += [f"argument {number}" for number in range(len(names), len(arguments))]
        return kind, node.name, {**defaults, **dict(zip(names, arguments, strict=False)), **options}

    def function_name(self, node: Any) -> str:
        """Return the name of a function or method; that of another library than torch begins with the library."""
        if node.op == "call_method":
            name = str(node.target)
        else:
            functional = self.torch.nn.functional
            pools = {one: name for name in ("max_pool2d", "adaptive_max_pool2d") if (one := getattr(functional, name))}
            name = pools.get(node.target, getattr(node.target, "__name__", str(node.target)))
            home = str(getattr(node.target, "__module__", None) or "torch")
            if home.partition(".")[0] not in OWN:
                return f"{home}.{name}"
        name = name.rstrip("_")
        return ALIASES.get(name, name)
