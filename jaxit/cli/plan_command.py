"""`jaxit plan`."""

from typing import Annotated, Any

import typer

from jaxit.cli.train_command import GIN_CONTEXT, overrides_of


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('plan', context_settings=GIN_CONTEXT)(plan)


def plan(
    context: typer.Context,
    gin_file: Annotated[list[str], typer.Option('--gin_file', help='gin file of the experiment.')],
    topology: Annotated[str, typer.Option('--topology', help='A TPU slice, e.g. v5e:4x4.')],
    module: Annotated[list[str] | None, typer.Option('--module', help='Module that gin files may import.')] = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print JSON.')] = False,
) -> None:
    """Compile the real train step for a TPU slice that is not here: does it fit, and how fast could it be?

    Example: jaxit plan --gin_file gin/recipes/llama3_2_1b.gin --topology v5e:4x4
    """
    from jaxit.cli import console, gin_files

    facts = plan_facts(gin_files.load(gin_file, overrides_of(context.args), module or ()), topology)
    if as_json:
        console.json_out(facts)
        return
    gib = 2**30
    rows = [
        [name.removesuffix('_bytes').replace('_', ' '), f'{facts[name] / gib:.2f} GiB']
        for name in facts
        if name.endswith('_bytes')
    ]
    rows += [['params', f'{facts["num_params"]:,}'], ['trained params', f'{facts["num_trained_params"]:,}']]
    rows += [['model FLOPs of a step', f'{facts["model_flops"]:.3e}']]
    rows += [[f'least seconds: {name}', f'{facts["floor"][name]:.4f}'] for name in facts['floor']]
    console.table(f'{topology}, one device of {facts["num_devices"]}', ['', 'value'], rows)
    verdict = 'fits' if facts['fits'] else 'does NOT fit: raise fsdp or tensor, num_microbatches, or set remat to full'
    console.out.print(f'{verdict}; bound by {facts["bound"]}; a step takes {facts["floor_seconds"]:.3f} s or more')


def plan_facts(experiment: Any, topology: str) -> dict[str, Any]:
    """Returns what the compiler and the roofline say of an experiment on a slice."""
    import dataclasses

    from jaxit.checkpoints import weights
    from jaxit.core.errors import UserError
    from jaxit.layers import lora
    from jaxit.models import registry
    from jaxit.planning import fit, roofline, topologies
    from jaxit.training.optimizers import make_optimizer
    from jaxit.training.step import TrainStep

    config = experiment.model or weights.config_of(experiment.weights)
    model = registry.build(config, experiment.execution)
    optimizer, schedule = make_optimizer(experiment.optimizer, experiment.trainer.num_steps)
    low_rank = experiment.lora

    def is_trained(path: str) -> bool:
        return (low_rank is None or lora.is_lora(path)) and experiment.optimizer.is_trained(path)

    def prepare(params: Any, key: Any) -> Any:
        return lora.add(params, model.logical_axes(params), key, rank=low_rank.rank, patterns=low_rank.patterns)

    step = TrainStep(model, optimizer, schedule, is_trained, experiment.loss, 64, experiment.trainer.num_microbatches)
    place = topologies.parse(topology)
    lengths = experiment.data.lengths(encoder_decoder=model.encoder_decoder)
    rows = experiment.trainer.batch_size
    try:
        found = fit.compile_for(
            step,
            place,
            experiment.mesh,
            experiment.execution.rules,
            batch_size=rows,
            lengths=lengths,
            prepare=prepare if low_rank else None,
        )
    except Exception as error:
        if 'RESOURCE_EXHAUSTED' in str(error) or 'hbm' in str(error).lower():
            reason = ' '.join(str(error).split())[:300]
            raise UserError(f'{topology}: does not fit: {reason}') from None
        raise
    shape = roofline.StepShape(
        rows,
        lengths['targets'] or 0,
        lengths['inputs'] or 0,
        num_microbatches=experiment.trainer.num_microbatches,
    )
    floor = roofline.step_floor(
        config, shape, place, experiment.mesh, num_params=found.num_params, num_trained=found.num_trained_params
    )
    return {
        **dataclasses.asdict(found),
        'total_bytes': found.total_bytes,
        'fits': found.fits,
        'num_devices': place.num_devices,
        'model_flops': roofline.step_flops(config, shape, frozen=low_rank is not None).total,
        'floor': floor._asdict(),
        'floor_seconds': floor.seconds,
        'bound': floor.bound,
    }
