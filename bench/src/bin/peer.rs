//! The usual way in Rust to measure I, LRA and true peak: symphonia and the `ebur128` crate. What `mixlens-cli` is
//! timed against.

#![expect(clippy::disallowed_methods, reason = "no report is made of it")]

use std::fs::File;
use std::io::Write;

use ebur128::{EbuR128, Mode};
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which file?")?;
    let stream = MediaSourceStream::new(Box::new(File::open(path)?), Default::default());
    let mut format = symphonia::default::get_probe().probe(
        &Default::default(),
        stream,
        FormatOptions::default(),
        MetadataOptions::default(),
    )?;
    let track = format.default_track(TrackType::Audio).ok_or("no audio")?;
    let id = track.id;
    let params = track
        .codec_params
        .as_ref()
        .and_then(|params| params.audio())
        .ok_or("no audio")?;
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default())?;
    let mut meter: Option<EbuR128> = None;
    let mut planes: Vec<Vec<f32>> = Vec::new();
    while let Some(packet) = format.next_packet()? {
        if packet.track_id != id {
            continue;
        }
        let decoded = decoder.decode(&packet)?;
        let (rate, channels) = (decoded.spec().rate(), decoded.spec().channels().count());
        decoded.copy_to_vecs_planar(&mut planes);
        if meter.is_none() {
            let mode = Mode::I | Mode::LRA | Mode::TRUE_PEAK;
            meter = Some(EbuR128::new(channels as u32, rate, mode)?);
        }
        if let Some(meter) = &mut meter {
            let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
            meter.add_frames_planar_f32(&planes)?;
        }
    }
    let meter = meter.ok_or("no samples")?;
    let peak = meter.true_peak(0)?.max(meter.true_peak(meter.channels() - 1)?);
    writeln!(
        std::io::stdout(),
        "{} {} {}",
        meter.loudness_global()?,
        meter.loudness_range()?,
        20.0 * peak.log10()
    )?;
    Ok(())
}
