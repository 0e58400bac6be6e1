//! Texts of the kinds that requests are made of.

pub(super) const ENGLISH: &str = "The committee met twice before the summer, and each time it put off the decision \
about the bridge. Nobody doubted that the old one had to be replaced; the question was who would pay for it, and \
how the traffic would get across the river in the meantime. \"We have waited for eleven years,\" the mayor said, \
\"so we can wait for another month.\" Her opponents disagreed. They pointed out that the steel had become 14% more \
expensive since January, that the engineers' report listed forty-two cracks, and that an ambulance needs nine \
minutes longer whenever the bridge is closed. In the end the council asked three companies for an offer, wrote to \
the ministry, and adjourned until September. Please summarise the arguments of both sides in a short table, and \
then explain which facts you would want to check first, and why you'd trust or distrust the numbers given here.";

pub(super) const GERMAN: &str = "Der Ausschuss traf sich vor dem Sommer zweimal und verschob die Entscheidung über \
die Brücke jedes Mal. Niemand bezweifelte, dass die alte Brücke ersetzt werden musste; fraglich war, wer das \
bezahlt und wie der Verkehr in der Zwischenzeit über den Fluss kommt. „Wir haben elf Jahre gewartet“, sagte die \
Bürgermeisterin, „da können wir noch einen Monat warten.“ Ihre Gegner widersprachen: Der Stahl sei seit Januar um \
14 % teurer geworden, das Gutachten der Ingenieure zähle zweiundvierzig Risse auf, und ein Rettungswagen brauche \
neun Minuten länger, sobald die Brücke gesperrt ist. Schließlich holte der Gemeinderat drei Angebote ein, schrieb \
an das Verkehrsministerium und vertagte sich auf September. Bitte fassen Sie die Argumente beider Seiten in einer \
kurzen Tabelle zusammen und erklären Sie anschließend, welche Tatsachen Sie zuerst überprüfen würden.";

pub(super) const CHINESE: &str = "委员会在夏天之前开了两次会，每次都推迟了关于大桥的决定。没有人怀疑旧桥必须更换；\
问题在于谁来付钱，以及在此期间车辆如何过河。市长说：“我们已经等了十一年，再等一个月也没关系。”反对者不同意。\
他们指出，自一月以来钢材价格上涨了百分之十四，工程师的报告列出了四十二处裂缝，而且每当大桥关闭时，救护车就要多花九分钟。\
最后，市议会向三家公司询价，写信给交通部，并休会到九月。请用一张简短的表格总结双方的论点，\
然后说明你会首先核实哪些事实，以及为什么相信或不相信这里给出的数字。";

pub(super) const JAPANESE: &str = "委員会は夏の前に二度開かれ、そのたびに橋についての決定を先送りした。古い橋を\
架け替えなければならないことを疑う人はいなかった。問題は、だれが費用を負担するのか、そしてその間どうやって川を渡るのかである。\
市長は「十一年待ったのだから、あと一か月待てるでしょう」と言った。反対派は同意しなかった。";

pub(super) const RUSSIAN: &str = "До лета комиссия собиралась дважды и каждый раз откладывала решение о мосте. Никто \
не сомневался, что старый мост нужно заменить; вопрос был в том, кто за это заплатит и как машины будут тем \
временем переезжать через реку. «Мы ждали одиннадцать лет, — сказала мэр, — подождём ещё месяц».";

pub(super) const PYTHON: &str = r#"
import asyncio
from dataclasses import dataclass, field


@dataclass
class RateLimiter:
    """Lets at most `rate` calls pass per minute."""

    rate: int
    calls: list[float] = field(default_factory=list)

    async def acquire(self, now: float) -> bool:
        self.calls = [t for t in self.calls if now - t < 60.0]
        if len(self.calls) >= self.rate:
            return False
        self.calls.append(now)
        return True


async def fetch_all(session, urls, limiter):
    results = {}
    for index, url in enumerate(urls):
        while not await limiter.acquire(asyncio.get_event_loop().time()):
            await asyncio.sleep(0.25)
        async with session.get(url, timeout=30) as response:
            if response.status != 200:
                raise RuntimeError(f"{url} answered {response.status}")
            results[url] = await response.json()
    return results
"#;

pub(super) const JSON: &str = r#"{"type":"function","function":{"name":"find_trains","description":"Finds trains
between two stations.","parameters":{"type":"object","properties":{"from_station":{"type":"string","description":
"Where the journey begins"},"to_station":{"type":"string"},"departure":{"type":"string","format":"date-time"},
"passengers":{"type":"integer","minimum":1,"maximum":9},"first_class":{"type":"boolean","default":false}},
"required":["from_station","to_station"],"additionalProperties":false}}}
[{"id":1017,"name":"IC 2045","stops":["Hannover Hbf","Braunschweig","Magdeburg"],"price_eur":29.90,"late_min":null},
{"id":1018,"name":"RE 10","stops":["Hannover Hbf","Goslar"],"price_eur":17.45,"late_min":12}]"#;

pub(super) const MARKDOWN: &str = "## Results\n\n| model | tokens | cost |\n|---|---:|---:|\n| alpha-2 | 1,204 | $0.0031 \
|\n| beta-7b | 988 | $0.0002 |\n\n- **Faster**: 3x (see `bench/run.sh`)\n- *Cheaper*: https://example.org/prices?id=42\n\n\
```sh\n$ ./bench/run.sh --repeat 5 --out /tmp/out.json\n```\n\n1. Read the file.\n2. Compare `a[i] != b[i]`.\n\n---\n";

/// Letters and digits as chance has them, as in the middle of a picture.
pub(super) fn base64(bytes: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut seed = 7u64;
    let next = |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[(seed >> 58) as usize])
    };
    (0..bytes).map(next).collect()
}

pub(super) fn all() -> Vec<(&'static str, String)> {
    vec![
        ("English", ENGLISH.to_owned()),
        ("German", GERMAN.to_owned()),
        ("Chinese", CHINESE.to_owned()),
        ("Japanese", JAPANESE.to_owned()),
        ("Russian", RUSSIAN.to_owned()),
        ("Python", PYTHON.to_owned()),
        ("Rust", include_str!("../estimate.rs").to_owned()),
        ("JSON", JSON.to_owned()),
        ("Markdown", MARKDOWN.to_owned()),
        ("base64", base64(2_000)),
        ("hex", base64(800).bytes().map(|byte| format!("{byte:02x}")).collect()),
        ("spaces", format!("{}x{}y{}", " ".repeat(300), "=".repeat(200), "\n".repeat(100))),
    ]
}
