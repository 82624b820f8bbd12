// Package recording keeps calls that a person wanted to be recorded: both
// directions as sound, and what was said as captions.
//
// A recording is one file that only grows, of pieces of a second, each of them
// sealed with the person's key: destroying the key erases it in every copy. It is
// whole up to its last piece whenever the writing ends, also by kill -9. What
// leaves is made of it at that time: a WAV file, the person on the left and the
// agent on the right, and WebVTT.
//
// # Invariants
//
//   - A recording is somebody's: nobody else finds it, by name or by list.
//   - There is no sound and no word on the disk that is not sealed, but for a file
//     without a name while somebody downloads it.
//   - What is kept is bounded in length, in size and in time.
//   - Writing never waits in the caller's clock: see [Writer.Frame].
package recording
