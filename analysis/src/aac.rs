//! Finds HE-AAC, which symphonia decodes as plain AAC at half the rate, losing the upper octave without a word.
//!
//! HE-AAC is signalled in one of three ways: as the object type of the configuration (explicit, hierarchical), behind
//! a sync word at its end (explicit, backward compatible; symphonia 0.6.1 looks there only when it need not), or only
//! by SBR payloads in the frames (implicit: all that an ADTS stream can do).

/// Object types of ISO/IEC 14496-3, table 1.17.
const AOT_SBR: u32 = 5;
const AOT_PS: u32 = 29;
/// `syncExtensionType` in front of a backward compatible SBR signal (ISO/IEC 14496-3, 1.6.2.1).
const SYNC_EXTENSION: u32 = 0x2b7;

/// Whether an `AudioSpecificConfig` says that there is SBR.
pub(crate) fn config_says_sbr(config: &[u8]) -> bool {
    explicit_sbr(config).unwrap_or(false)
}

/// What an `AudioSpecificConfig` says that is neither AAC-LC nor HE-AAC.
pub(crate) fn other_object_type(config: &[u8]) -> Option<&'static str> {
    let mut bits = Bits { bytes: config, at: 0 };
    Some(match bits.object_type()? {
        1 => "AAC Main",
        3 => "AAC SSR",
        4 => "AAC LTP",
        23 => "AAC-LD",
        39 => "AAC-ELD",
        42 => "xHE-AAC (USAC)",
        _ => return None,
    })
}

fn explicit_sbr(config: &[u8]) -> Option<bool> {
    let mut bits = Bits { bytes: config, at: 0 };
    let object_type = bits.object_type()?;
    if object_type == AOT_SBR || object_type == AOT_PS {
        return Some(true);
    }
    // The sync word follows GASpecificConfig without alignment; whoever reads 11 equal bits there by chance has two
    // more fields to get right.
    while bits.at + 17 <= config.len() * 8 {
        let mut ahead = Bits {
            bytes: config,
            at: bits.at,
        };
        if ahead.read(11)? == SYNC_EXTENSION && ahead.object_type()? == AOT_SBR {
            return ahead.read(1).map(|present| present == 1);
        }
        bits.at += 1;
    }
    Some(false)
}

/// Whether a raw AAC frame ends in a fill element with SBR data.
///
/// Finding it from the front would mean decoding everything before it. From the back it is a fill element whose
/// stated length leads exactly to `ID_END` and less than a byte of padding. One frame in about a thousand looks so by
/// chance, so only several of them in a row mean anything.
pub(crate) fn frame_ends_in_sbr(frame: &[u8]) -> bool {
    /// `ID_FIL`, `ID_END` (ISO/IEC 14496-3, table 4.85) and the SBR extension types (table 4.121).
    const ID_FIL: u32 = 6;
    const ID_END: u32 = 7;
    const EXT_SBR_DATA: u32 = 0xd;
    const EXT_SBR_DATA_CRC: u32 = 0xe;

    let total = frame.len() * 8;
    let last_start = total.saturating_sub(3 + 4 + 8 + 3);
    // The longest fill element holds 269 bytes.
    let first_start = last_start.saturating_sub(270 * 8 + 24);
    (first_start..=last_start).any(|start| {
        let mut bits = Bits {
            bytes: frame,
            at: start,
        };
        let mut fill = || {
            if bits.read(3)? != ID_FIL {
                return None;
            }
            let mut count = bits.read(4)? as usize;
            if count == 15 {
                count += bits.read(8)? as usize;
                count -= 1;
            }
            let payload = bits.at;
            if count == 0 || !matches!(bits.read(4)?, EXT_SBR_DATA | EXT_SBR_DATA_CRC) {
                return None;
            }
            bits.at = payload + count * 8;
            (bits.read(3)? == ID_END && total - bits.at < 8).then_some(())
        };
        fill().is_some()
    })
}

/// Bits of a slice, most significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for at in self.at..self.at + count {
            let byte = *self.bytes.get(at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - at % 8) & 1);
        }
        self.at += count;
        Some(value)
    }

    fn object_type(&mut self) -> Option<u32> {
        match self.read(5)? {
            31 => Some(32 + self.read(6)?),
            object_type => Some(object_type),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sbr_is_found_however_the_configuration_says_it() {
        // AAC-LC 44.1 kHz stereo.
        assert!(!config_says_sbr(&[0x12, 0x10]));
        // The same with a sync extension: SBR present at 44.1 kHz over a core of 22.05 kHz.
        assert!(config_says_sbr(&[0x13, 0x90, 0x56, 0xe5, 0xa0]));
        // The sync extension that says "no SBR", as iTunes and ffmpeg write it.
        assert!(!config_says_sbr(&[0x12, 0x10, 0x56, 0xe5, 0x00]));
        // Object type 5, and 29 (parametric stereo).
        assert!(config_says_sbr(&[0x2b, 0x92, 0x08, 0x00]));
        assert!(config_says_sbr(&[0xeb, 0x8a, 0x08, 0x00]));
        assert!(!config_says_sbr(&[]));
    }

    #[test]
    fn sbr_in_the_last_fill_element_is_found_at_any_bit() {
        for shift in 0..8_usize {
            let mut bits = String::new();
            bits.push_str(&"01".repeat(64)[..120 + shift]);
            // ID_FIL, 6 bytes, SBR data, 44 bits of payload, ID_END.
            bits.push_str(&format!("1100110{}{}111", "1101", "10".repeat(22)));
            while !bits.len().is_multiple_of(8) {
                bits.push('0');
            }
            let frame: Vec<u8> = bits
                .as_bytes()
                .chunks(8)
                .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
                .collect();
            assert!(frame_ends_in_sbr(&frame), "shift {shift}");
            assert!(!frame_ends_in_sbr(&frame[..frame.len() - 2]));
        }
        assert!(!frame_ends_in_sbr(&[]));
    }
}
