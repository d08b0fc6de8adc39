"""Import, export, and reading by transformers again."""

import jax
import numpy as np
import pytest

from jaxit.checkpoints import huggingface

torch = pytest.importorskip('torch', reason='parity needs torch: the extra parity')
transformers = pytest.importorskip('transformers', reason='parity needs transformers: the extra parity')
pytestmark = pytest.mark.parity


@pytest.fixture
def exported(pair, tmp_path):
    folder = tmp_path / 'exported'
    huggingface.save(
        folder, pair.config, pair.params, tokenizer_files={}, eos_ids=[1], pad_id=0, max_shard_bytes=20_000
    )
    return folder


@pytest.mark.filterwarnings('ignore::UserWarning')
def test_transformers_reads_the_export(pair, batch, exported, reference_logits):
    auto = transformers.AutoModelForSeq2SeqLM if pair.encoder_decoder else transformers.AutoModelForCausalLM
    model, info = auto.from_pretrained(exported, output_loading_info=True)
    assert type(model) is type(pair.reference)
    assert not info['missing_keys'] and not info['unexpected_keys'] and not info['mismatched_keys']
    with torch.no_grad():
        expected = reference_logits(pair.reference, batch)
        got = reference_logits(model.eval(), batch)
    keep = batch['decoder_segment_ids'] > 0
    np.testing.assert_allclose(got.numpy()[keep], expected.numpy()[keep], atol=1e-5, rtol=1e-5)
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert (embedding.data_ptr() == head.data_ptr()) == pair.config.tied_head
    assert model.generation_config.eos_token_id == 1 and model.generation_config.pad_token_id == 0


def test_import_of_an_export_is_bitwise_the_same(pair, exported):
    config, params = huggingface.load(exported)
    assert config == pair.config
    assert jax.tree.structure(params) == jax.tree.structure(pair.params)
    jax.tree.map(np.testing.assert_array_equal, params, pair.params)
    tensors = list(exported.glob('*.safetensors'))
    assert len(tensors) > 1
