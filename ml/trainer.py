"""The compiled model that trains a network: augmentation in front, FER+ head and teacher beside, AdamW with EMA."""

from typing import TYPE_CHECKING, Any

from ml.augment import build_augmentation
from ml.labels import LABELS
from ml.network import FEATURES
from ml.processor import knows_bfloat16
from ml.recipe import TrainingConfig

if TYPE_CHECKING:
    import keras


def build_trainer(
    config: TrainingConfig, network: "keras.Model", *, steps: int, teacher: "keras.Model | None" = None
) -> "keras.Model":
    """The compiled trainer around a network: crops in, {"label": logits} out, and {"votes": …} where they weigh.

    Args:
        config: the run's settings.
        network: float32 (n, 48, 48, 1) to logits (n, 7); for a votes head it must have the layer FEATURES.
        steps: optimizer steps in one pass over the data.
        teacher: a trained network, float32 (n, 48, 48, 1) to logits (n, 7), to learn from; its weights stay.
    """
    import keras

    crops = keras.Input(network.input_shape[1:], name="crops")
    view = build_augmentation(
        shift=config.shift,
        rotation=config.rotation,
        scale=config.scale,
        erase=config.erase,
        gamma=config.gamma,
        seed=config.seed,
    )(crops)
    label, votes = _build_heads(config, network, view)
    if teacher is not None:
        teacher.trainable = False
        teacher.name = "teacher"  # it may be the student's twin, and Keras takes no two of one name
        # Teacher and student see the same view: "a good teacher is patient and consistent" (Beyer et al. 2022).
        label = _build_distillation(config)([label, teacher(view, training=False)])
    outputs = {"label": keras.layers.Identity(name="label", dtype="float32")(label), **votes}
    trainer = keras.Model(crops, outputs)
    cross_entropy = keras.losses.CategoricalCrossentropy
    losses = {
        "label": cross_entropy(from_logits=True, label_smoothing=config.label_smoothing),
        "votes": cross_entropy(from_logits=True),
    }
    weights = {"label": 1.0 - (config.distill_weight if teacher else 0.0), "votes": config.votes_weight}
    trainer.compile(
        _build_optimizer(config, steps * config.epochs, int(steps * config.warmup_epochs)),
        loss={name: losses[name] for name in outputs},
        loss_weights={name: weights[name] for name in outputs},
        metrics={"label": ["accuracy"]},
        # XLA on a CPU makes TensorFlow's convolutions slower (measured: 2 times); accelerators profit from it.
        jit_compile="auto" if _has_accelerator() or keras.backend.backend() != "tensorflow" else False,
    )
    # Or its variables are made while the first step is traced, which takes seconds.
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def _build_heads(
    config: TrainingConfig, network: "keras.Model", view: "keras.KerasTensor"
) -> "tuple[keras.KerasTensor, dict[str, keras.KerasTensor]]":
    """The network's logits for a view, and those of a votes head on its features, where votes weigh."""
    import keras

    if not config.votes_weight:
        return network(view), {}
    heads = keras.Model(network.inputs, [network.output, network.get_layer(FEATURES).output], name="network")
    label, features = heads(view)
    return label, {"votes": keras.layers.Dense(len(LABELS), dtype="float32", name="votes")(features)}


def _build_distillation(config: TrainingConfig) -> "keras.layers.Layer":
    """Adds the divergence of softened answers to the loss (Hinton et al. 2015); gives the student's logits on."""
    import keras
    from keras import ops

    weight, temperature = config.distill_weight, config.distill_temperature

    class Distillation(keras.layers.Layer):
        def call(self, logits: Any) -> Any:
            student, teacher = (ops.cast(one, "float32") / temperature for one in logits)
            taught = ops.softmax(ops.stop_gradient(teacher))
            apart = ops.sum(taught * (ops.log_softmax(teacher) - ops.log_softmax(student)), axis=-1)
            self.add_loss(weight * temperature**2 * ops.mean(apart))
            return logits[0]

    return Distillation(name="distillation", dtype="float32")


def _build_optimizer(config: TrainingConfig, total: int, warmup: int) -> "keras.optimizers.Optimizer":
    """AdamW over `total` steps, with warm-up and cosine, whose weights are averaged over time."""
    import keras

    warmup = min(warmup, total // 2)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(total - warmup, 1), warmup_target=config.learning_rate, warmup_steps=warmup, alpha=0.0
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=config.weight_decay,
        use_ema=True,
        # A short run averages over its last twentieth at most, or its beginning would still weigh on the result.
        ema_momentum=min(config.ema_momentum, max(0.0, 1 - 20 / total)),
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


def _has_accelerator() -> bool:
    import keras

    return any(not name.lower().startswith("cpu") for name in keras.distribution.list_devices())


def choose_dtype(wanted: str) -> str:
    """The Keras dtype policy to compute under: single precision where mixed_bfloat16 would have to be imitated.

    On a processor without it TensorFlow's convolutions in bfloat16 took 8 times as long as in float32 (measured).
    """
    if wanted == "mixed_bfloat16" and not (knows_bfloat16() or _has_accelerator()):
        return "float32"
    return wanted


def spread_over_devices() -> None:
    """Split every batch over all devices, where there are several and Keras's back end can (JAX)."""
    import keras

    if keras.backend.backend() == "jax" and len(keras.distribution.list_devices()) > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
