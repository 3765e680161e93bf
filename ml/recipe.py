"""The settings of a training run; every choice stands in TrainingConfig."""

from dataclasses import dataclass

# Settings that name a file by its SHA-256; they follow from --init and --teacher.
DIGESTS = ("init", "teacher")


@dataclass(frozen=True)
class TrainingConfig:
    """One training run. Rates are per step of one batch; shares and probabilities lie in 0 to 1.

    dtype: "float32", or "mixed_bfloat16", which is used where the machine has it built in.
    init: SHA-256 of the Keras file whose weights the run starts from; empty for random weights.
    teacher: SHA-256 of the Keras file whose answers the run learns from beside the labels; empty for none. Its share of
    the loss is distill_weight, the labels' the rest.
    remembered: share of each face's target that is what the teacher, as served, says of it once and for all; then the
    teacher is not asked about the views. Costs nothing, where a teacher that sees every view costs its time.
    trainer: "tensorflow" (Keras, on whichever back end it runs) or "torch", which alone knows mixup (the parameter of
    its beta distribution) and damage (probability of each mild damage of ml.torch_views); 0 is none.
    """

    network: str = "vgg-small"
    init: str = ""
    epochs: int = 45
    seed: int = 1
    batch_size: int = 128
    learning_rate: float = 2e-3
    warmup_epochs: float = 1.5
    weight_decay: float = 1e-2
    ema_momentum: float = 0.998
    label_smoothing: float = 0.05
    dropout: float = 0.3
    votes_weight: float = 0.3
    teacher: str = ""
    distill_weight: float = 0.7
    distill_temperature: float = 2.0
    shift: float = 0.08
    rotation: float = 7.0
    scale: float = 0.13
    erase: float = 0.35
    gamma: float = 0.15
    held_out: float = 0.08
    clean: bool = True
    dtype: str = "mixed_bfloat16"
    trainer: str = "tensorflow"
    remembered: float = 0.0
    mixup: float = 0.0
    damage: float = 0.0
