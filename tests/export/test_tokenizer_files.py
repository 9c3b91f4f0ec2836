import transformers

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.tokenizer_files import save_tokenizer


def test_the_files_that_the_engine_reads_are_written_and_no_others(checkpoint, tmp_path):
    save_tokenizer(open_checkpoint(checkpoint), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    beside = {"special_tokens_map.json"} if transformers.__version__ < "5" else set()
    assert names == {"config.json", "tokenizer.json", "tokenizer_config.json"} | beside
