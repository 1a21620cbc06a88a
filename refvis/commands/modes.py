"""``refvis modes``: the list of modes, or the rules of one mode."""

from dataclasses import dataclass
from typing import Annotated

import typer

from refvis.layers.modes import MODES, is_relevance, table
from refvis.text.terminal import align_columns, underline_header


@dataclass(frozen=True)
class About:
    """A mode in a few words, and its source."""

    what: str
    source: str


ABOUT = {
    "gradient": About("how the score changes with the input", "Simonyan et al. 2014"),
    "deconvnet": About("ReLUs pass positive signals", "Zeiler & Fergus 2014"),
    "guided": About("ReLUs pass positive signals where their input is positive", "Springenberg et al. 2015"),
    "epsilon": About("shares in proportion to contributions", "Bach et al. 2015, eq. 58"),
    "lrp_0": About("epsilon without stabiliser", "Bach et al. 2015, eq. 56"),
    "z_plus": About("shares of positive contributions", "Montavon et al. 2017"),
    "epsilon_plus": About("epsilon where fully connected, else z_plus", "Kohlbrenner et al. 2020"),
    "epsilon_plus_flat": About("epsilon_plus; first layer: equal shares", "Lapuschkin et al. 2019"),
    "epsilon_gamma_box": About("epsilon where fully connected, else gamma; first layer: box", "Montavon et al. 2019"),
    "epsilon_alpha2_beta1": About("epsilon where fully connected, else alpha-beta", "Kohlbrenner et al. 2020"),
    "epsilon_alpha2_beta1_flat": About("epsilon_alpha2_beta1; first layer: equal shares", "Lapuschkin et al. 2019"),
    "deep_taylor": About("z_plus without biases; first layer: squared weights", "Montavon et al. 2017"),
    "deep_taylor_box": About("z_plus without biases; first layer: box", "Montavon et al. 2017"),
    "excitation": About("positive responses times positive weights", "Zhang et al. 2016, eq. 3"),
}
"""Mode's name -> description and source; the tables themselves are in `refvis.modes`."""


def modes(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A mode, to print its table of rules; also one of another library, such as zennit:EpsilonPlusFlat."
        ),
    ] = None,
) -> None:
    """List the modes, one per line, or print the table of rules of one mode."""
    from refvis.backpropagation.rules import find_mode

    typer.echo(mode_list() if name is None else table(find_mode(name)))


def mode_list() -> str:
    """Return all modes as a table: name, kind (relevance or signal), description and source."""
    rows = [("mode", "kind", "description", "source")]
    for name, mode in MODES.items():
        about = ABOUT.get(name, About("", ""))
        rows.append((name, "relevance" if is_relevance(mode) else "signal", about.what, about.source))
    return "\n".join(underline_header(align_columns(rows, len(rows[0]))))
