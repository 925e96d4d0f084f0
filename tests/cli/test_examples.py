# SPDX-License-Identifier: Apache-2.0
"""The commands in the READMEs of examples/ print what stands there: numbers to three digits, a line of … for what is left out.
The messages that docs/add-a-family.md quotes are the real ones."""
import json
import re
import shutil
import subprocess
import sys

import pytest
from command import COMMAND, TOP, environment

EXAMPLES = TOP / "examples"
GOLDEN = TOP / "tests" / "golden"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
READMES = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))


def sessions(text):
    """(command, the lines that it should print) of each `$ …` in the fenced blocks of a page."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, rest = part.partition("\n")
            yield command, rest.splitlines()


def shell(command, folder, bin_folder, **env):
    """stdout and stderr of a line as the README's reader types it."""
    settings = environment(**env)
    settings["PATH"] = f"{bin_folder}:{settings['PATH']}"
    result = subprocess.run(["bash", "-c", command], cwd=folder, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=120)
    said = [line for line in result.stdout.splitlines() if not re.match(r"egbert: [\w,; ]*\d+ ops", line)]
    return [line for line in said if not line.startswith("egbert: the family '")] # a family file of the tree that this build cannot read


def same(got, want):
    """Equal texts around numbers that are nearly equal; … in a line stands for any text."""
    if "…" in want:
        return re.fullmatch(".*".join(map(re.escape, want.split("…"))), got) is not None
    if NUMBER.sub("#", got).split() != NUMBER.sub("#", want).split():
        return False
    return all(abs(float(a) - float(b)) <= 1.5e-3 * max(1.0, abs(float(b))) for a, b in zip(NUMBER.findall(got), NUMBER.findall(want)))


def matches(got, want):
    """Whether the printed lines are those wanted, where … stands for any number of lines."""
    if not want:
        return not got
    if want[0] == "…":
        return any(matches(got[i:], want[1:]) for i in range(len(got) + 1))
    return bool(got) and same(got[0], want[0]) and matches(got[1:], want[1:])


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bin")
    (folder / "egbert").symlink_to(COMMAND)
    return folder


@pytest.mark.parametrize("name", READMES)
def test_readmes_show_what_commands_print(name, bin_folder, tmp_path):
    folder = shutil.copytree(EXAMPLES / name, tmp_path / name)
    found = list(sessions((folder / "README.md").read_text()))
    assert found
    for command, want in found:
        got = shell(command, folder, bin_folder)
        assert matches(got, want), f"{command} prints\n" + "\n".join(got)


def test_every_example_is_told_of():
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    page = (EXAMPLES / "README.md").read_text()
    assert folders == set(READMES) and all(f"({name}/)" in page for name in folders)


# --- docs/add-a-family.md: the file as it grows, and what is said of each state

GUIDE = (TOP / "docs" / "add-a-family.md").read_text()
EMBEDDINGS = GUIDE[GUIDE.index("extends: bert\n"):GUIDE.index("```\n", GUIDE.index("extends: bert\n"))]
PARTS = """define:
  attention:
    steps:
      - residual:
          norm_before: attention.ln
          body:
            - attention:
                heads: $num_attention_heads
                query: attention.self.query
                key: attention.self.key
                value: attention.self.value
                output: attention.output.dense
  feed_forward:
    steps:
      - residual:
          norm_before: ln
          body:
            - {linear: intermediate.dense, out: $intermediate_size}
            - activation: $hidden_act
            - {linear: output.dense, out: $hidden_size}
encoder:
  - repeat: {i: $num_hidden_layers}
    scope: "encoder.layer.{i}."
    hidden_states: true
    block: [{use: attention}, {use: feed_forward}]
"""
LAYERS = EMBEDDINGS + PARTS
WHOLE = LAYERS + "  - norm: encoder.ln\nheads:\n  masked_lm: {architectures: [MegatronBertForMaskedLM]}\n"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """The folder that the guide starts in: the families without its own, a config.json with weights, and a golden."""
    folder = tmp_path_factory.mktemp("guide")
    shutil.copytree(TOP / "models", folder / "models", ignore=shutil.ignore_patterns("megatron-bert.yaml"))
    cases = json.loads((GOLDEN / "families" / "megatron-bert" / "checkpoints.json").read_text())
    masked_lm = next(case for case in cases if case["name"] == "0-masked_lm")
    config = GUIDE[GUIDE.index('{"model_type"'):GUIDE.index("```\n", GUIDE.index('{"model_type"'))]
    write(folder / "new", masked_lm, config.replace('"vocab_size": 96', f'"vocab_size": {masked_lm["config"]["vocab_size"]}'))
    write(folder / "encoder", cases[0], json.dumps(cases[0]["config"]))
    return folder


def write(folder, case, config):
    """A checkpoint of the goldens, and beside it what it should give."""
    sys.path.insert(0, str(GOLDEN))
    from random_weights import write_weights
    folder.mkdir()
    (folder / "config.json").write_text(config)
    write_weights(folder / "model.safetensors", case["tensors"], case["seed"], case["scale"])
    shutil.copy(GOLDEN / "families" / "megatron-bert" / f"{case['name']}.npz", f"{folder}.npz")


def said(workplace, bin_folder, command, family=None, config=None):
    if family:
        (workplace / "megatron-bert.yaml").write_text(family)
    if config:
        shutil.copytree(workplace / "new", workplace / "kept", dirs_exist_ok=True)
        (workplace / "new" / "config.json").write_text(config((workplace / "new" / "config.json").read_text()))
    lines = shell(command, workplace, bin_folder, EGBERT_FAMILY_DIR="models")
    if config:
        shutil.copytree(workplace / "kept", workplace / "new", dirs_exist_ok=True)
    return lines


def unplaced(text):
    """Without the lines of files in models/, which move when these files grow."""
    return re.sub(r"(models/[\w-]+\.yaml)(:\d+)+", r"\1", text)


def test_the_guide_quotes_what_is_said(workplace, bin_folder):
    own = "egbert inspect new --family megatron-bert.yaml"
    heard = []
    for command, family in [
        ("egbert inspect new", None), ("egbert inspect new --family bert", None), (own, EMBEDDINGS),
        (own, LAYERS.replace("          norm_before: ln", "          norm_befor: ln")),
        (own, LAYERS.replace("$intermediate_size}", "$intermediat_size}")),
        (own, LAYERS.replace("$intermediate_size}", "44}")), (own, LAYERS),
        ("egbert verify encoder --golden encoder.npz --family megatron-bert.yaml", LAYERS),
    ]:
        heard += said(workplace, bin_folder, command, family)
    heard += said(workplace, bin_folder, "egbert inspect new --family bert",
                  config=lambda text: text.replace('0.001}', '0.001,\n "x": {}}').replace('"x": {}', '"qk_norm": true'))
    quoted = [line for block in re.findall(r"^```\w*\n(.*?)^```", GUIDE, re.M | re.S) for line in block.splitlines()
              if line.startswith("egbert: ")]
    assert len(quoted) >= 8
    known = {unplaced(line) for line in heard}
    missing = [line for line in quoted if unplaced(line) not in known]
    assert not missing, "\n".join(missing + ["", "What is said:"] + [line for line in heard if line.startswith("egbert: ")])
    assert "  nobody asks for the tensor 'bert.encoder.ln.weight'" in heard
    for row in ("  place  last_hidden_state, made by add in encoder.1",
                "  cause  none of the usual ones (activation, eps, positions, pooling, norms)"):
        assert row in GUIDE and row in heard


def test_the_guide_ends_where_everything_fits(workplace, bin_folder):
    heard = said(workplace, bin_folder, "egbert verify new --golden new.npz --family megatron-bert.yaml", WHOLE)
    assert heard[-1].startswith("fits: ") and "fits" in heard[1]
    assert not [line for line in said(workplace, bin_folder, "egbert inspect new --family megatron-bert.yaml") if "nobody" in line]


def test_the_guide_quotes_script_golden():
    source = (TOP / "tests" / "golden" / "reference.py").read_text()
    for words in ("has no weights; --random SEED writes some", "has weights; --random is for a config.json without them", "has no class"):
        assert words in GUIDE and words in source, words


def test_the_guide_quotes_a_head_that_is_left_out(tmp_path, bin_folder):
    """ALBERT, if it did not say that it has no seq_relationship_logits."""
    shutil.copytree(TOP / "models", tmp_path / "models")
    family = (tmp_path / "models" / "albert.yaml").read_text()
    assert "seq_relationship_logits: null, " in family
    (tmp_path / "models" / "albert.yaml").write_text(family.replace("seq_relationship_logits: null, ", ""))
    case = json.loads((GOLDEN / "families" / "albert" / "checkpoints.json").read_text())[0]
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "config.json").write_text(json.dumps(case["config"]))
    heard = shell("egbert inspect new --quiet", tmp_path, bin_folder, EGBERT_FAMILY_DIR="models")
    warning = next(line.strip() for line in heard if "is left out" in line)
    assert unplaced(f"`{warning}`") in unplaced(" ".join(GUIDE.split()))
