"""The training cases on which graft must equal TRL: which model, which rows, which recipe.

    ensure(case)       the folder of a case in the cache: model/, data.jsonl, eval.jsonl, adapter_in/, recipe.json
    results(case, how) TRL's run of it, made when missing: "trl" is what graft is compared with, "again" is the same in float32
                       with other attention code and two threads, "float64" the truth that both approximate

A case is a name, a model (a spec of models.py or families.py, or SmolLM2 in float32 or bf16), rows (a function of rows.py) and what its recipe
has beside BASE. An adapter of None starts from the seed; otherwise the options of an adapter with B != 0.

Most cases warm up. AdamW's very first step is the rate times the sign of the gradient: without a first step of rate 0, elements
whose gradient is within rounding of zero go either way, and TRL's adapters are up to 1e-4 from themselves instead of 1e-6."""
import json
from dataclasses import dataclass, field

import families
import peers

BASE = dict(per_device_train_batch_size=2, gradient_accumulation_steps=2, learning_rate=5e-3, max_steps=20, weight_decay=0.1,
            max_grad_norm=1.0, logging_steps=1, save_strategy="no", train_sampling_strategy="sequential", seed=42, bf16=False,
            lora_r=8, lora_alpha=16, lora_dropout=0.0, lora_target_modules="all-linear", use_peft=True)
HOW = {"trl": {}, "again": dict(attention="eager", threads=2), "float64": dict(float64=True)}
SOURCES = ("models.py", "rows.py", "trl_run.py")
GGUF_SOURCES = SOURCES + ("gguf_write.py", "gguf_base.py")


@dataclass
class Case:
    name: str
    model: str
    rows: tuple                      # function of rows.py, then its arguments
    recipe: dict = field(default_factory=dict)
    adapter: dict | None = field(default_factory=dict)
    marked: bool = False             # the chat template has {% generation %}
    eval_rows: tuple | None = None
    gguf: tuple | None = None        # block types and spec of a GGUF base: graft reads the file, TRL a folder of the same numbers

    @property
    def real(self):
        return self.model.startswith("smollm2")

    def models(self, folder):
        """(what graft reads, what TRL reads)"""
        real = peers.cache() / "smollm2"
        ours = theirs = real / self.model.removeprefix("smollm2-") if self.real else folder / "model"
        if self.gguf:
            ours = real / "SmolLM2-135M-Instruct.Q4_1.gguf" if self.real else folder / "model.gguf"
        return str(ours), str(theirs)


def model(spec, batch=2, accumulation=2, rows=("prompt_rows", 60)):
    return Case("model-" + spec, spec, rows, dict(per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation,
                                                  warmup_steps=2))


def schedule(name, **options):
    kind, keys = options.pop("kind"), {k: options.pop(k) for k in ("warmup_steps",) if k in options}
    recipe = dict(lr_scheduler_type=kind, per_device_train_batch_size=3, gradient_accumulation_steps=1, **keys)
    return Case("schedule-" + name, "gqa", ("prompt_rows", 60), recipe | ({"lr_scheduler_kwargs": options} if options else {}))


def rows(name, kind, *more, model="gqa", n=48, marked=False, **recipe):
    return Case("rows-" + name, model, (kind, n, *more), dict(warmup_steps=2) | recipe, marked=marked)


def adapter(name, **options):
    return Case("adapter-" + name, "gqa", ("prompt_rows", 50), dict(lr_scheduler_type="cosine"), options)


def fresh(name, **recipe):
    given = dict(train_sampling_strategy="random", warmup_steps=0.1)
    return Case("fresh-" + name, "bias", ("prompt_rows", 30), given | recipe, adapter=None)


IDS = [
    Case("ids", "gqa", ("id_rows", 40)),
    Case("ids-tied-bias", "tied-bias", ("id_rows", 80), dict(per_device_train_batch_size=4, gradient_accumulation_steps=1,
         lr_scheduler_type="cosine", warmup_steps=4, max_grad_norm=0.3)),
    Case("ids-labels-random", "wide", ("id_rows", 50, 3, 384, 10, 90, True), dict(per_device_train_batch_size=3,
         gradient_accumulation_steps=3, train_sampling_strategy="random", warmup_steps=0.1)),
]
MODELS = [
    model("gqa"), model("tied", 3, 1), model("bias", 4, 1), model("tied-bias", 2, 3), model("head-dim"), model("wide", 3, 1),
    model("sharded", 4, 1), model("f16", 2, 3), model("bf16"),
    model("rope-linear", 3, 1), model("rope-llama3", 4, 1), model("rope-yarn", 2, 3), model("rope-yarn-attention"),
    model("rope-yarn-beta", 3, 1), model("rope-yarn-mscale", 4, 1), model("old-theta", 2, 3), model("old-linear"),
    model("old-llama3", 3, 1), model("old-yarn", 4, 1),
    # rows on both sides of the 32 positions: micro-batches grow, keep and reset the frequencies
    model("rope-dynamic", rows=("id_rows", 80)), model("old-dynamic", rows=("id_rows", 80)),
]
SCHEDULES = [
    schedule("linear", kind="linear", warmup_steps=0.2),
    schedule("cosine", kind="cosine", warmup_steps=3),
    schedule("cosine-cycles", kind="cosine", num_cycles=1.25),
    schedule("restarts", kind="cosine_with_restarts", warmup_steps=2, num_cycles=3),
    schedule("polynomial", kind="polynomial", warmup_steps=2, power=2.0, lr_end=1e-4),
    schedule("polynomial-default", kind="polynomial"),
    schedule("constant", kind="constant"),
    schedule("constant-warmup", kind="constant_with_warmup", warmup_steps=5),
    schedule("inverse-sqrt", kind="inverse_sqrt", warmup_steps=4),
    schedule("inverse-sqrt-timescale", kind="inverse_sqrt", warmup_steps=2, timescale=7),
    schedule("min-lr-rate", kind="cosine_with_min_lr", warmup_steps=2, min_lr_rate=0.1),
    schedule("min-lr", kind="cosine_with_min_lr", warmup_steps=2, min_lr=1e-3),
    schedule("warmup-min-lr", kind="cosine_warmup_with_min_lr", warmup_steps=4, min_lr_rate=0.1),
    schedule("warmup-min-lr-rate", kind="cosine_warmup_with_min_lr", warmup_steps=4, min_lr=5e-4, warmup_lr_rate=0.2),
    schedule("wsd", kind="warmup_stable_decay", warmup_steps=3, num_decay_steps=6),
    schedule("wsd-linear", kind="warmup_stable_decay", warmup_steps=4, num_decay_steps=5, num_stable_steps=6,
             warmup_type="cosine", decay_type="linear", min_lr_ratio=0.1),
    schedule("wsd-sqrt", kind="warmup_stable_decay", warmup_steps=4, num_decay_steps=10, warmup_type="1-sqrt",
             decay_type="1-sqrt"),
    Case("schedule-plateau", "gqa", ("prompt_rows", 60), dict(lr_scheduler_type="reduce_lr_on_plateau", eval_strategy="steps",
         eval_steps=2, learning_rate=0.01, lr_scheduler_kwargs=dict(factor=0.5, patience=1, threshold=0.08, cooldown=1)),
         eval_rows=("prompt_rows", 9, 5)),
]
ROWS = [
    rows("text", "text_rows"),
    rows("messages", "message_rows"),
    rows("assistant", "message_rows", marked=True, assistant_only_loss=True),
    rows("prompt", "prompt_rows", per_device_train_batch_size=4),
    rows("prompt-whole", "prompt_rows", completion_only_loss=False),
    rows("chat-prompt", "chat_prompt_rows", gradient_accumulation_steps=3),
    rows("both-masks", "chat_prompt_rows", marked=True, assistant_only_loss=True),
    rows("truncated", "prompt_rows", max_length=24),
    rows("random", "text_rows", n=27, train_sampling_strategy="random"),
    rows("partial", "text_rows", n=13, gradient_accumulation_steps=3, train_sampling_strategy="random"),
    rows("epochs", "prompt_rows", n=15, max_steps=-1, num_train_epochs=2.6, train_sampling_strategy="random", data_seed=3),
    rows("by-length", "text_rows", n=40, train_sampling_strategy="group_by_length"),
    rows("shuffled", "text_rows", n=40, shuffle_dataset=True),
    rows("padding-free", "prompt_rows", padding_free=True, max_length=None),
    rows("bfd", "prompt_rows", n=150, packing=True, max_length=80),
    rows("bfd-split", "text_rows", n=130, packing=True, packing_strategy="bfd_split", max_length=40),
    rows("wrapped", "text_rows", n=120, packing=True, packing_strategy="wrapped", max_length=64),
    rows("bfd-labels", "id_rows", 9, 384, 4, 70, True, n=150, packing=True, max_length=60),
    rows("dynamic-packed", "text_rows", model="rope-dynamic", n=150, packing=True, max_length=70),
]
TRAINING = [
    Case("label-smoothing", "gqa", ("prompt_rows", 60), dict(label_smoothing_factor=0.1, warmup_steps=2)),
    Case("clip-hard", "bias", ("prompt_rows", 60), dict(max_grad_norm=0.05, warmup_steps=2)),
    Case("clip-none", "tied", ("prompt_rows", 60), dict(max_grad_norm=0.0, weight_decay=0.0, warmup_steps=2)),
    Case("adam", "gqa", ("prompt_rows", 60), dict(adam_beta1=0.8, adam_beta2=0.95, adam_epsilon=1e-6, weight_decay=0.3)),
    Case("logging", "gqa", ("prompt_rows", 60), dict(logging_steps=3, logging_first_step=True)),
    Case("evaluation", "gqa", ("prompt_rows", 60), dict(eval_strategy="steps", eval_steps=5, per_device_eval_batch_size=4),
         eval_rows=("prompt_rows", 9, 5)),
    Case("evaluation-dynamic", "rope-dynamic", ("id_rows", 80),
         dict(eval_strategy="steps", eval_steps=3, per_device_eval_batch_size=2), eval_rows=("id_rows", 7, 5)),
    Case("evaluation-drop-last", "gqa", ("prompt_rows", 61), dict(eval_strategy="steps", eval_steps=5, per_device_eval_batch_size=4, dataloader_drop_last=True),
         eval_rows=("prompt_rows", 11, 5)),
    Case("evaluation-smoothed", "gqa", ("prompt_rows", 60), dict(eval_strategy="steps", eval_steps=5, per_device_eval_batch_size=4, label_smoothing_factor=0.1),
         eval_rows=("prompt_rows", 9, 5)),
]
ADAPTERS = [
    adapter("attention", r=4, target_modules=["q_proj", "v_proj"]),
    adapter("rslora", r=8, lora_alpha=8, use_rslora=True),
    adapter("patterns", r=8, rank_pattern={"down_proj": 3, "layers.1.self_attn.q_proj": 5}, alpha_pattern={"up_proj": 5}),
    adapter("layers", r=8, target_modules=["q_proj", "up_proj"], layers_to_transform=[0, 2]),
    adapter("exclude", r=8, exclude_modules=["gate_proj", "k_proj"]),
    adapter("regex", r=8, target_modules=r".*\.(0|1)\.(self_attn\.[qo]|mlp\.down)_proj"),
]
FRESH = [
    fresh("default"),
    fresh("seed", seed=7, lora_r=5, lora_target_modules=["q_proj", "k_proj", "down_proj"], gradient_accumulation_steps=3),
    fresh("rslora", use_rslora=True, lora_alpha=4),
    fresh("gaussian", init_lora_weights="gaussian"),
    fresh("b-random", init_lora_weights=False),
]
REAL = [
    Case("smollm2-definitions", "smollm2-f32", ("devil_rows", 40), dict(learning_rate=2e-4, warmup_steps=2),
         dict(r=16, lora_alpha=32, size=0.02)),
    Case("smollm2-messages-fresh", "smollm2-bf16", ("devil_message_rows", 60),
         dict(learning_rate=2e-4, warmup_steps=2, lora_r=16, lora_alpha=32, train_sampling_strategy="random",
              per_device_train_batch_size=4, gradient_accumulation_steps=1), None),
]
CASES = IDS + MODELS + SCHEDULES + ROWS + TRAINING + ADAPTERS + FRESH + REAL


def recipe(case, folder):
    values = BASE | {"model_name_or_path": case.models(folder)[0], "dataset_name": str(folder / "data.jsonl"),
                     "output_dir": str(folder / "out")}
    if case.adapter is not None:    # the adapter's own config decides
        values = {k: v for k, v in values.items() if not k.startswith("lora_")}
        values["adapter_name_or_path"] = str(folder / "adapter_in")
    if case.eval_rows:
        values["eval_dataset_name"] = str(folder / "eval.jsonl")
    return values | case.recipe


def ensure(case):
    """The case's folder with everything that a run reads."""
    place = peers.cache() / "parity" / case.name
    final = recipe(case, place)
    stamp = dict(recipe=final, model=case.model, marked=case.marked, rows=case.rows, eval_rows=case.eval_rows, adapter=case.adapter,
                 gguf=case.gguf, spec=families.SPECS.get(case.model), sources=peers.digest(*(GGUF_SOURCES if case.gguf else SOURCES)), versions=peers.versions())

    def make(folder):
        import models
        import rows
        if case.gguf and not case.real:
            import gguf_write
            gguf_write.write(folder, case.gguf[1], case.gguf[0])
        elif not case.real:
            template = models.CHATML_MARKED if case.marked else models.CHATML
            models.write_model(folder / "model", models.SPECS[case.model], template=template)
        for name, wanted in (("data.jsonl", case.rows), ("eval.jsonl", case.eval_rows)):
            if wanted:
                peers.write_rows(folder / name, getattr(rows, wanted[0])(*wanted[1:]))
        if case.adapter is not None:
            models.write_adapter(folder / "adapter_in", case.models(folder)[1], final["model_name_or_path"], **case.adapter)
        peers.write_json(folder / "recipe.json", final)
    return peers.once(place, jsonable(stamp), make)


def results(case, how="trl"):
    folder = ensure(case)

    def make(out):
        import trl_run
        read = peers.read_json(folder / "recipe.json") | {"model_name_or_path": case.models(folder)[1]}
        trl_run.run(read, out, **HOW[how])
    return peers.once(folder / how, dict(how=how), make)


def jsonable(value):
    """Tuples become lists, as they are when the stamp is read back."""
    return json.loads(json.dumps(value))
