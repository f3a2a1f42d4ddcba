//! Replays the corpus through the fuzzer's targets, and then inputs made of it at random: the same
//! ones each time, for a few seconds. Needs no fuzzer; `tests/run fuzz` is the one with a guide.

#[cfg(test)]
mod targets;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use crate::targets;

    /// For each target.
    const TIME: Duration = Duration::from_secs(3);
    /// Where the machine is so fast that three seconds would be more.
    const MOST: u64 = 300_000;
    /// Bytes that mean something in one of the formats: CBOR's heads, line ends, quotes, numbers.
    const TELLING: &[u8] = b"\x00\x01\x18\x19\x1a\x1b\x40\x5a\x5f\x60\x78\x7f\x80\x81\x9b\x9f\xa0\xa1\xbb\xbf\xc2\xf4\xf6\xf7\xff\n\r\"[]=#:-09";

    /// xorshift: as random as this needs, and the same each time.
    struct Chance(u64);

    impl Chance {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn below(&mut self, most: usize) -> usize {
            let most = u64::try_from(most.max(1)).unwrap();
            usize::try_from(self.next() % most).unwrap()
        }
    }

    fn corpus(name: &str) -> Vec<Vec<u8>> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let files = fs::read_dir(&directory).unwrap();
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        assert!(
            paths.len() >= 5,
            "{} has hardly any seeds",
            directory.display()
        );
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    fn mutated(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
        let mut data = seeds[chance.below(seeds.len())].clone();
        for _ in 0..=chance.below(6) {
            let at = chance.below(data.len() + 1);
            let telling = TELLING[chance.below(TELLING.len())];
            match chance.below(7) {
                0 if at < data.len() => data[at] ^= 1 << chance.below(8),
                1 if at < data.len() => data[at] = telling,
                2 => data.insert(at, telling),
                3 => data.truncate(at),
                4 => drop(data.drain(at..(at + 1 + chance.below(8)).min(data.len()).max(at))),
                5 => {
                    let piece = data[at..].to_vec();
                    data.extend(piece);
                }
                _ => {
                    let other = &seeds[chance.below(seeds.len())];
                    let from = chance.below(other.len() + 1);
                    data.splice(at.., other[from..].iter().copied());
                }
            }
            data.truncate(1 << 16);
        }
        data
    }

    fn play(name: &str) {
        let seeds = corpus(name);
        let taken = seeds.iter().filter(|seed| targets::run(name, seed)).count();
        assert!(
            3 * taken > seeds.len(),
            "{name}: only {taken} seeds are well-formed by now"
        );
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let (start, mut runs) = (Instant::now(), 0);
        while start.elapsed() < TIME && runs < MOST {
            let data = mutated(&seeds, &mut chance);
            let shown = data.clone();
            let ended = std::panic::catch_unwind(|| targets::run(name, &data));
            assert!(
                ended.is_ok(),
                "{name}: {:?}",
                String::from_utf8_lossy(&shown).into_owned()
            );
            runs += 1;
        }
        let said = format!("{name}: {} seeds, {runs} random inputs\n", seeds.len());
        drop(std::io::stderr().write_all(said.as_bytes()));
        assert!(runs > 100, "{name}: only {runs} inputs");
    }

    macro_rules! replay {
        ($($name:ident)+) => {
            $(#[test]
            fn $name() {
                play(stringify!($name));
            })+

            #[test]
            fn each_target_has_its_test() {
                let known: Vec<_> = targets::ALL.iter().map(|(name, _)| *name).collect();
                assert_eq!(known, [$(stringify!($name)),+]);
            }
        };
    }

    replay!(frame hello request response record config github);
}
