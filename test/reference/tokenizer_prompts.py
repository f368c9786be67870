"""Prompts for tokenizer_test.py: 18 scripts, emoji, control characters, HTML entities, odd spaces, very long ones."""

import random

# Words of the scripts, from everyday text.
SCRIPTS = {
    "latin": "a red fox jumps over the lazy dog while rain falls quietly on old roofs cinematic 4k close-up",
    "latin_accents": "café naïve über straße ñandú garçon Łódź Ångström čeština İstanbul œuvre smörgåsbord",
    "vietnamese": "Một con mèo đang ngồi trên chiếc ghế gỗ cạnh cửa sổ khi trời đang mưa",
    "greek": "Μια κόκκινη αλεπού πηδάει πάνω από το τεμπέλικο σκυλί κάτω από τον ήλιο",
    "cyrillic": "Рыжая лиса прыгает через ленивую собаку под тёплым вечерним дождём щука ёж",
    "armenian": "Կարմիր աղվեսը ցատկում է ծույլ շան վրայով երեկոյան անձրևի տակ",
    "georgian": "წითელი მელა ხტება ზარმაც ძაღლზე საღამოს წვიმის ქვეშ ძველ ქალაქში",
    "hebrew": "שועל אדום קופץ מעל הכלב העצלן בערב גשום שָׁלוֹם",
    "arabic": "ثعلب أحمر يقفز فوق الكلب الكسول في مساء ممطر مَرْحَبًا ٣٤٥",
    "devanagari": "लाल लोमड़ी आलसी कुत्ते के ऊपर कूदती है शाम की बारिश में क्षितिज",
    "bengali": "লাল শিয়াল অলস কুকুরের উপর দিয়ে লাফ দেয় সন্ধ্যার বৃষ্টিতে",
    "tamil": "சிவப்பு நரி சோம்பேறி நாயின் மேல் குதிக்கிறது மாலை மழையில்",
    "thai": "สุนัขจิ้งจอกสีแดงกระโดดข้าม สุนัขขี้เกียจ ในสายฝนยามเย็น น้ำตก",
    "khmer": "កញ្ជ្រោងក្រហម លោតពីលើ ឆ្កែខ្ជិល ក្នុងភ្លៀង ពេលល្ងាច",
    "ethiopic": "ቀይ ቀበሮ በሰነፍ ውሻ ላይ ይዘላል በምሽት ዝናብ",
    "han": "一只红色的狐狸 跳过懒狗 傍晚的雨中 电影质感 細節豐富 龍鳳 高清镜头，",
    "japanese": "赤いキツネが のんびりした犬を 飛び越える 夕方の雨 スローモーション ﾊﾝｶｸ がぎぐ",
    "hangul": "붉은 여우가 게으른 개를 뛰어넘는다 저녁 비 속에서 한국어 영상",
}
EMOJI = "😀 👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇩🇪 ❤️ ☕ 🦊🐕 1️⃣ ⌛︎ 🫠".split(" ")
ENTITIES = ["&amp;", "&lt;b&gt;", "&quot;hi&quot;", "&amp;lt;", "&#65;", "&#x1F98A;", "&nbsp;", "&eacute", "&copy2024", "&euro;",
            "&notanentity;", "&#0;", "&#128;", "&#xD800;", "&#1114112;", "AT&T", "&", "&#;", "&ampamp;", "&hellip;"]
CONTROLS = ["\t", "\n", "\r\n", "\x00", "\x07", "\x08", "\x1b[31m", "\x7f", "\x85", "\x9b", "\x1c"]
SPACES = ["\u00a0", "\u2003", "\u3000", "\u2028", "\u202f", "\u1680", "\u200b", "\u200d", "\ufeff", "\u2060", "  ", "\u00ad"]
SYMBOLS = ["½", "①", "㎏", "Ⅷ", "™", "→", "∑", "№", "…", "—", "«x»", "𝔘𝔫𝔦", "x²", "\u0301", "\ue000", "\U00020000",
           "\ufffd", "<pad2>", "_▁_", "%$#@!", "3.14", "1,000,000", "C++", "ﷺ", "\u202eRTL\u202c"]
# Hugging Face's normalizer looks at a grapheme as a whole and loses the marks that the model's rules do not compose.
STACKED_MARKS = ["a\u0301\u0323", "e\u0301\u0323lan"]
# What ftfy would rewrite beyond all this (docs/parity.md).
FTFY = {"mojibake": ["Ã©tÃ©", "schÃ¶n", "donâ€™t", "ä½ å¥½"],
        "curly quotes": ["“quoted”", "don’t", "‘single’"],
        "full width": ["ＡＢＣ", "１２３", "！？"],
        "ligatures": ["ﬁre", "oﬃce", "ﬂow"],
        "terminal escapes": ["\x1b[31mred\x1b[0m"],
        "byte-order mark": ["a\ufeffb"],
        "NUL": ["a\x00b"],
        "C1 controls": ["a\x85b", "a\x9bb"],
        "lossy sequences": ["Ã\u00a0 la", "â€œhello"]}
RESERVED = ["</s>", "a <pad> b", "<unk>"]


def words_of(scripts, generator):
    return [generator.choice(SCRIPTS[generator.choice(scripts)].split(" ")) for _ in range(generator.randint(1, 25))]


def make_prompts(seed=11):
    """(kind, prompt) pairs, about 2,600."""
    generator = random.Random(seed)
    scripts = list(SCRIPTS)
    prompts = [("script", SCRIPTS[script]) for script in scripts]
    prompts += [("script", " ".join(words_of([script], generator))) for script in scripts for _ in range(70)]
    prompts += [("mixed", " ".join(words_of(scripts, generator))) for _ in range(300)]
    for kind, specials in (("emoji", EMOJI), ("entities", ENTITIES), ("controls", CONTROLS), ("spaces", SPACES),
                           ("symbols", SYMBOLS)):
        for special in specials:
            prompts.append((kind, special))
        for _ in range(180):
            words = words_of(scripts, generator)
            for _ in range(generator.randint(1, 4)):
                words.insert(generator.randint(0, len(words)), generator.choice(specials))
            prompts.append((kind, generator.choice(["", " "]).join(words)))
    # Any assigned or unassigned character of the basic plane, most of them unknown to the model: byte fallback.
    for _ in range(100):
        points = [generator.choice([p for p in (generator.randint(0x21, 0xFFFF), generator.randint(0x10000, 0x10FFFF))
                                    if not 0xD800 <= p <= 0xDFFF] or [0x41]) for _ in range(generator.randint(1, 20))]
        prompts.append(("any character", "".join(map(chr, points))))
    prompts += [("empty", text) for text in ("", " ", "\n", "\u3000", "&nbsp;")]
    for length in (400, 511, 512, 513, 2000, 20000):
        prompts.append(("long", " ".join(generator.choice(SCRIPTS["latin"].split(" ")) for _ in range(length))))
        prompts.append(("long", "".join(generator.choice(SCRIPTS["han"]) for _ in range(length))))
        prompts.append(("long", "x" * length))
    return prompts
