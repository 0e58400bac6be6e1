//! What a call costs. Knows no model and no list: rates and tokens in, dollars out.

use caller::{NANO_PER_USD, NanoUsd, Tokens};
use rust_decimal::Decimal;

/// US dollars; `None` where the price or the token count is unknown, which is not the same as free.
pub type Cost = Option<Decimal>;

/// Tokens that a rate is for.
const TOKENS_PER_RATE: u64 = 1_000_000;
/// Output tokens reckoned with when a request sets no limit.
const OUTPUT_TOKENS_GUESS: u64 = 1_024;
/// Bytes of a request per input token, a common rule of thumb for English text.
const BYTES_PER_TOKEN: u64 = 4;

/// What tokens cost: US dollars per million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// For tokens read.
    pub input: Decimal,
    /// For tokens written.
    pub output: Decimal,
    /// For tokens read that came from the provider's cache; as `input` where it is not set.
    pub cached: Option<Decimal>,
    /// For tokens read that the provider put into its cache; as `input` where it is not set.
    pub cached_write: Option<Decimal>,
    /// The same where the provider keeps them for an hour; as `cached_write` where it is not set.
    pub cached_write_hour: Option<Decimal>,
    /// For tokens written that nobody reads; as `output` where it is not set.
    pub reasoning: Option<Decimal>,
    /// US dollars for each request, whatever its length.
    pub request: Option<Decimal>,
}

/// What all tokens of a long request cost instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Long {
    /// A request that has more tokens to read than this is a long one.
    pub above_tokens: u64,
    /// Its rates. A fee for the request that is not set here is that of short ones: it is not for tokens.
    pub rates: Rates,
}

/// What a model costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// For most requests.
    pub rates: Rates,
    /// For long requests, where those differ.
    pub long: Option<Long>,
}

impl Rates {
    /// Its amounts, by the names that settings give them; `None` where one is not set.
    pub fn parts(&self) -> [(&'static str, Option<Decimal>); 7] {
        [
            ("input", Some(self.input)),
            ("output", Some(self.output)),
            ("cached", self.cached),
            ("cached_write", self.cached_write),
            ("cached_write_hour", self.cached_write_hour),
            ("reasoning", self.reasoning),
            ("request", self.request),
        ]
    }

    fn cached(&self) -> Decimal {
        self.cached.unwrap_or(self.input)
    }

    fn written(&self) -> Decimal {
        self.cached_write.unwrap_or(self.input)
    }

    fn written_hour(&self) -> Decimal {
        self.cached_write_hour.unwrap_or(self.written())
    }

    fn reasoning(&self) -> Decimal {
        self.reasoning.unwrap_or(self.output)
    }

    /// The same rates for tokens that are all of the dearest sort.
    fn dearest(&self) -> Self {
        Self {
            input: self.input.max(self.cached()).max(self.written()).max(self.written_hour()),
            output: self.output.max(self.reasoning()),
            request: self.request,
            ..Self::default()
        }
    }

    /// What tokens cost.
    ///
    /// Tokens are counted once: those from the cache first, then those put into it, then the rest of what was read.
    /// Counts that cannot be are cut to what there is: of `input` at most all is `cached`, of what remains at most all
    /// is `written`, of that at most all is `written_hour`, and of `output` at most all is `reasoning`.
    fn of(&self, tokens: &Tokens) -> Decimal {
        let cached = tokens.cached.min(tokens.input);
        let written = tokens.written.min(tokens.input - cached);
        let hour = tokens.written_hour.min(written);
        let reasoning = tokens.reasoning.min(tokens.output);
        sum([
            (self.input, tokens.input - cached - written),
            (self.cached(), cached),
            (self.written(), written - hour),
            (self.written_hour(), hour),
            (self.output, tokens.output - reasoning),
            (self.reasoning(), reasoning),
            // A fee is the rate of one request: as many tokens as a rate is for.
            (self.request.unwrap_or_default(), TOKENS_PER_RATE),
        ])
    }
}

/// Dollars for so many tokens at so much. An upstream chooses the counts: what no decimal holds counts as the most
/// that one does.
fn sum(parts: [(Decimal, u64); 7]) -> Decimal {
    let sum = parts.into_iter().filter(|(_, tokens)| *tokens > 0).try_fold(Decimal::ZERO, |sum, (rate, tokens)| {
        rate.checked_mul(Decimal::from(tokens)).and_then(|part| sum.checked_add(part))
    });
    (sum.unwrap_or(Decimal::MAX) / Decimal::from(TOKENS_PER_RATE)).normalize()
}

impl Price {
    /// From settings; `None` if the digits of an amount do not fit a decimal.
    pub fn from_settings(price: &settings::Price) -> Option<Self> {
        let read = |usd: &settings::Usd| usd.as_str().parse::<Decimal>().ok();
        let maybe = |usd: &Option<settings::Usd>| usd.as_ref().map(|usd| read(usd).ok_or(())).transpose().ok();
        let long = |long: &settings::LongPrice| {
            let rates = Rates {
                input: read(&long.input)?,
                output: read(&long.output)?,
                cached: maybe(&long.cached)?,
                cached_write: maybe(&long.cached_write)?,
                ..Rates::default()
            };
            Some(Long { above_tokens: long.above_tokens, rates })
        };
        let rates = Rates {
            input: read(&price.input)?,
            output: read(&price.output)?,
            cached: maybe(&price.cached)?,
            cached_write: maybe(&price.cached_write)?,
            cached_write_hour: maybe(&price.cached_write_hour)?,
            reasoning: maybe(&price.reasoning)?,
            request: maybe(&price.request)?,
        };
        Some(Self { rates, long: price.long.as_ref().map(|tier| long(tier).ok_or(())).transpose().ok()? })
    }

    /// What `tokens` cost, in US dollars. A call that neither read nor wrote anything was not answered, and is free
    /// even where requests have a fee. Counts that cannot be are cut: no more is cached than was read.
    pub fn of(&self, tokens: &Tokens) -> Decimal {
        if tokens.input == 0 && tokens.output == 0 {
            return Decimal::ZERO;
        }
        let long = self.long_rates().filter(|(above, _)| tokens.input > *above);
        long.map_or(self.rates, |(_, rates)| rates).of(tokens)
    }

    /// What so many tokens cost in US dollars, none of them from a cache or put into one.
    pub fn of_tokens(&self, input: u64, output: u64) -> Decimal {
        self.of(&Tokens { input, output, ..Tokens::default() })
    }

    /// What an answer to a request of so many bytes is reckoned to cost in US dollars: a token for each four of them, and
    /// as many as the answer may have, which counts as 1,024 where nothing limits it.
    pub fn reckoned(&self, bytes: u64, output_tokens_max: Option<u64>) -> Decimal {
        self.of_tokens(bytes / BYTES_PER_TOKEN, output_tokens_max.unwrap_or(OUTPUT_TOKENS_GUESS))
    }

    /// The most that at most so many tokens can cost in US dollars, wherever they come from and whatever they are for.
    pub fn most_of(&self, input: u64, output: u64) -> Decimal {
        let above = self.long.map_or(u64::MAX, |long| long.above_tokens);
        let most = |rates: Rates, input| Self { rates: rates.dearest(), long: None }.of_tokens(input, output);
        let short = most(self.rates, input.min(above));
        let long = self.long_rates().filter(|(above, _)| input > *above).map(|(_, rates)| most(rates, input));
        long.map_or(short, |long| long.max(short))
    }

    /// The threshold and the rates of long requests, fee included.
    fn long_rates(&self) -> Option<(u64, Rates)> {
        let long = self.long?;
        Some((long.above_tokens, Rates { request: long.rates.request.or(self.rates.request), ..long.rates }))
    }
}

/// An amount as books keep it: rounded up to billionths of a dollar, and at most what they can hold.
pub fn nano(usd: Decimal) -> NanoUsd {
    let nano = usd.checked_mul(Decimal::from(NANO_PER_USD)).map(|nano| nano.ceil());
    nano.and_then(|nano| NanoUsd::try_from(nano).ok()).unwrap_or(NanoUsd::MAX)
}

#[cfg(test)]
mod tests;
