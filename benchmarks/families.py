"""Build an atlas of one model of every family of convolutional networks: the smallest of each.

    python benchmarks/families.py [MODEL …]

Runs the command itself, on a few pictures of the demo world and with random weights, for every
family of torchvision and of timm, and writes a table to ``docs/families.md``. A row that is there
already is kept, so that a run goes on where one stopped; ``--fresh`` builds all anew. Exits with 1
where a build fails. A refusal fails too, but for the networks that are known to be refused.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from atlas.data import documents  # noqa: E402
from atlas.data.records import LayerFacts  # noqa: E402

TABLE = ROOT / "docs" / "families.md"
CROP = 96
GIVEN = (
    "--weights", "none", "--images", "demo", "--limit", "12", "--units", "1", "--evidence", "none",
    "--lean", "--experiments", "none", "--workers", "0",
)  # fmt: skip

TORCHVISION = (
    "alexnet", "vgg11", "vgg11_bn", "resnet18", "resnext50_32x4d", "wide_resnet50_2",
    "squeezenet1_1", "densenet121", "googlenet", "inception_v3", "mobilenet_v2",
    "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0",
    "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf", "convnext_tiny",
)  # fmt: skip
TIMM = tuple(f"timm:{name}" for name in (
    "resnet10t", "resnet18d", "resnetblur18", "resnet50_gn", "resnext50_32x4d", "seresnet18",
    "seresnext26t_32x4d", "ecaresnet26t", "resnetrs50", "legacy_seresnet18", "skresnet18",
    "resnest14d", "res2net50_48w_2s", "gcresnext26ts", "gernet_s", "resnetv2_18",
    "resnetv2_50x1_bit", "resnetv2_50d_frn", "resnetv2_50d_evos", "nf_resnet26", "nf_regnet_b0",
    "eca_nfnet_l0", "dm_nfnet_f0", "regnetx_002", "regnety_002", "regnetz_005", "regnetz_b16",
    "dla46_c", "dla60_res2net", "dpn48b", "densenet121", "densenetblur121d", "rdnet_tiny", "vgg11",
    "vovnet39a", "ese_vovnet19b_slim_dw", "hrnet_w18_small", "hardcorenas_a", "selecsls42",
    "tresnet_m", "cs3darknet_focus_s", "cspresnet50", "cspdarknet53", "darknet17", "cspnext_tiny",
    "legacy_xception", "xception41", "inception_v3", "inception_v4", "inception_resnet_v2",
    "nasnetalarge", "pnasnet5large", "mobilenetv1_100", "mobilenetv2_035", "mobilenetv3_small_050",
    "mobilenetv4_conv_small_035", "mobilenet_edgetpu_v2_xs", "fbnetc_100", "fbnetv3_b", "mixnet_s",
    "mnasnet_small", "semnasnet_050", "spnasnet_100", "tinynet_e", "lcnet_035", "lcnetv2_small",
    "efficientnet_b0", "tf_efficientnet_b0", "efficientnet_lite0", "efficientnet_es",
    "efficientnetv2_rw_t", "efficientnet_b0_gn", "efficientnet_cc_b0_4e", "ghostnet_050",
    "ghostnetv2_100", "ghostnetv3_050", "repghostnet_050", "repvgg_a0", "mobileone_s0",
    "repvit_m0_9", "rexnet_100", "hgnet_tiny", "hgnetv2_b0", "convnext_atto", "convnext_zepto_rms",
    "convnextv2_atto", "convmixer_768_32", "inception_next_atto", "poolformer_s12",
    "poolformerv2_s12", "convformer_s18", "focalnet_tiny_srf", "fasternet_t0", "starnet_s050",
    "mambaout_femto", "fastvit_t8", "swiftformer_xs",
    # with attention: what lies below it
    "caformer_s18", "fastvit_sa12", "edgenext_xx_small", "efficientformer_l1",
    "efficientformerv2_s0", "efficientvit_b0", "efficientvit_m0", "efficientvim_m1",
    "mobilevit_xxs", "mobilevitv2_050", "mobilenetv4_hybrid_medium_075", "mobilenetv5_base",
    "coat_lite_tiny", "coatnet_pico_rw_224", "coatnext_nano_rw_224", "maxvit_pico_rw_256",
    "levit_128s", "nextvit_small", "davit_tiny", "shvit_s1", "iformer_t", "lowformer_b0",
    "cpubone_nano", "gcvit_xxtiny", "tiny_vit_5m_224", "visformer_tiny", "vitamin_small_224",
    "vit_tiny_r_s16_p8_224", "botnet26t_256", "halonet26t", "bat_resnext26ts", "lambda_resnet26t",
    "resnet50_clip", "csatv2", "sequencer2d_s",
))  # fmt: skip

# the networks that don't take the usual crop, with the one they take and why
_TABLED = "its attention has a weight for each place of the map"
CROPS: dict[str, tuple[int, str]] = {
    "timm:efficientformer_l1": (224, _TABLED),
    "timm:efficientformerv2_s0": (224, _TABLED),
    "timm:coat_lite_tiny": (224, "it takes no other size"),
    "timm:coatnet_pico_rw_224": (224, _TABLED),
    "timm:coatnext_nano_rw_224": (224, _TABLED),
    "timm:maxvit_pico_rw_256": (256, "its maps are cut into windows of 8"),
    "timm:levit_128s": (224, _TABLED),
    "timm:gcvit_xxtiny": (224, "its maps are cut into windows of 7"),
    "timm:visformer_tiny": (224, "it takes no other size"),
    "timm:vitamin_small_224": (224, _TABLED),
    "timm:vit_tiny_r_s16_p8_224": (224, _TABLED),
    "timm:botnet26t_256": (256, "it takes no other size"),
    "timm:halonet26t": (256, "its maps are cut into blocks of 8"),
    "timm:bat_resnext26ts": (256, "its maps are cut into blocks of 8"),
}

# what no atlas can show
REFUSED = frozenset({"timm:coat_lite_tiny", "timm:csatv2", "timm:sequencer2d_s"})

HEAD = f"""# Every family

The smallest model of every family of convolutional networks that torchvision and timm have, built
by `python build.py --model NAME {" ".join(GIVEN)} --crop {CROP}`
on a CPU: all layers, one unit of each. Written by `python benchmarks/families.py`.

*Units* counts those of all layers, which the scan covers in any case. *Sees* gives the size in
pixels of the nominal receptive field where each stage ends, with gates held, and the stage's
stride; "gates see all" where channel attention or a norm of whole maps scales it. The seconds are
the processor's, of the whole command: about half of them pass where it has two cores. A network
with attention is shown up to the first layer that mixes positions. A model of the script's
list that has no row here wasn't built yet.

| model | layers | units | sees | seconds | remark |
|---|---:|---:|---|---:|---|
"""


@dataclass(frozen=True)
class Ran:
    """What a run of the command came to, its processor seconds, and where it put its atlas."""

    code: int
    errors: str
    seconds: float
    folder: Path

    @property
    def crashed(self) -> bool:
        """Whether it ended in an error that isn't meant for people."""
        return "Traceback" in self.errors or "--debug shows where" in self.errors


def main() -> int:
    """Build what is asked for; returns 1 if a build fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--fresh", action="store_true", help="build what has a row already, too")
    parser.add_argument("--table", type=Path, default=TABLE, help="the file to write")
    options = parser.parse_args()
    rows, failed = _rows(options.table), []
    for model in options.models or _families():
        if model in rows and not options.fresh:
            continue
        with tempfile.TemporaryDirectory() as out:
            ran = _build(model, Path(out))
            row = _row(model, ran)
        if row is None:
            failed.append(model)
            print(f"{model} failed:\n{ran.errors}", flush=True)
            continue
        rows[model] = row
        _write(options.table, rows)
        print(row, flush=True)
    print("failed:", ", ".join(failed) or "none")
    return bool(failed)


def _families() -> Iterable[str]:
    """All models; those of timm where it is installed."""
    return (*TORCHVISION, *(TIMM if importlib.util.find_spec("timm") else ()))


def _rows(table: Path) -> dict[str, str]:
    """The rows of a table by model."""
    lines = table.read_text("utf-8").splitlines() if table.is_file() else []
    found = [(re.match(r"\| ([\w:]+) \|", line), line) for line in lines]
    return {match[1]: line for match, line in found if match and match[1] != "model"}


def _write(table: Path, rows: dict[str, str]) -> None:
    order = [*TORCHVISION, *TIMM]
    known = [model for model in order if model in rows]
    others = [model for model in rows if model not in order]
    table.write_text(HEAD + "".join(f"{rows[model]}\n" for model in known + others), "utf-8")


def _build(model: str, out: Path) -> Ran:
    crop = CROPS.get(model, (CROP, ""))[0]
    given = [*GIVEN, "--crop", str(crop), "--name", "atlas", "--out", str(out)]
    before = _used()
    ran = subprocess.run(
        [sys.executable, str(ROOT / "build.py"), "--model", model, *given],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    return Ran(ran.returncode, ran.stderr.strip(), _used() - before, out / "atlas")


def _used() -> float:
    """The processor seconds of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _row(model: str, ran: Ran) -> str | None:
    """The table's row of a model; None if its build failed."""
    if ran.crashed or (ran.code and model not in REFUSED):
        return None
    if ran.code:
        said = _cell(ran.errors.removeprefix("build.py: "))
        return f"| {model} | | | | {ran.seconds:.0f} | refused: {said} |"
    facts = documents.read_atlas(ran.folder)
    layers = [documents.LAYER.read(ran.folder, layer) for layer in facts.layers]
    remarks = [f"left out: {_cell(facts.network.left_out)}"] if facts.network.left_out else []
    if model in CROPS:
        crop, why = CROPS[model]
        remarks.append(f"`--crop {crop}`: {why}")
    units = sum(layer.units for layer in layers)
    cells = f"{len(layers)} | {units} | {_sees(layers)} | {ran.seconds:.0f} | {'; '.join(remarks)}"
    return f"| {model} | {cells} |".replace("|  |", "| |")


def _cell(text: str) -> str:
    """A text as it may stand in one cell of a table."""
    return " ".join(text.replace("|", "\\|").split())


def _sees(layers: Iterable[LayerFacts]) -> str:
    """How far each stage sees where it ends, by its stride."""
    sees: dict[int, int] = {}
    gated = False
    for layer in layers:
        if layer.shape[1:] != (1, 1):
            sees[layer.receptive_field.stride[0]] = layer.receptive_field.size[0]
            gated = gated or layer.true_field is not None
    stages = [f"{sees[stride]} (stride {stride})" for stride in sorted(sees) if stride]
    if 0 in sees:
        stages.append("whole image")
    if gated:
        stages.append("gates see all")
    return ", ".join(stages)


if __name__ == "__main__":
    sys.exit(main())
