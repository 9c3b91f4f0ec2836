"""Japanese sentences, and a vocabulary for them as BertJapaneseTokenizer reads it, made in a moment."""

import unicodedata
from pathlib import Path

from transformers import BertJapaneseTokenizer

IPADIC = {"word_tokenizer_type": "mecab", "mecab_kwargs": {"mecab_dic": "ipadic"}}
SENTENCES = [
    "私は昨日、東京駅で友達に会いました。", "吾輩は猫である。名前はまだ無い。\nどこで生れたか、とんと見当がつかぬ。",
    "ＡＢＣ株式会社のＣＥＯが２０２６年に来日した。", "ｶﾞｯｺｳでﾃﾚﾋﾞとﾊﾟﾝﾀﾞを見る", "㋿元年５月１日から、㍿と㌔",
    "彼は「すごい！」と言った😀🎉。", "𠮷野家で牛丼を食べる", "PythonでプログラムをJavaより書く",
    "すもももももももものうち", "１２３４５６７８９０円", "e-mailはtest@example.co.jpです", "コーヒー　全角空白　です",
    "は゛か゛ ゛ が か\u3099", "ΣΊΣΥΦΟΣ İstanbul J\u030cŨBER", "葛󠄀飾区のﾊﾟﾝ屋🐼", "ー〜～…‥〻々ゝ",
    "\u3000\u3000始まり  と\t終わり\r\n", "＜＞＝≠<\u0338=\u0338", "東京\u2028都\x1cと\x85京\u200b都\ufeff",
    "東京" * 60,
]  # fmt: skip
# What stands around a mask.
AROUND = ["{}", " {} ", "\n{}\u3000"]


def masked_sentences() -> list[str]:
    """Each sentence with a mask at its start, its end and in the middle; a mask is written ``{}``."""
    texts = []
    for sentence in SENTENCES:
        middle = len(sentence) // 2
        for mask in AROUND:
            texts += [mask + sentence, sentence + mask, sentence[:middle] + mask + sentence[middle:]]
    return texts


def write_vocab(folder: Path) -> str:
    """Write vocab.txt: most words of the sentences, half of the characters of pieces, and both forms of sigma."""
    characters = sorted({each for text in SENTENCES for each in unicodedata.normalize("NFKC", text)} - {*" \n\r\t"})
    special, bare = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], folder / "bare.txt"
    bare.write_text("\n".join(special), encoding="utf-8")
    words = BertJapaneseTokenizer(str(bare), **IPADIC).word_tokenizer.tokenize("".join(SENTENCES[:8]))
    pieces = [f"##{each}" for each in characters[::2]]
    lower = [word.lower() for word in words]
    listed = [*special, *words, *lower, *characters[1::3], *pieces, *"σς", "##σ", "##ς", "-", "a-b", "[", "]", "MASK"]
    path = folder / "vocab.txt"
    path.write_text("".join(f"{each}\n" for each in dict.fromkeys(listed)), encoding="utf-8")
    return str(path)
