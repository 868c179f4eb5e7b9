package broadcast

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dongyue/internal/sound"
)

// programs is the folder of what goes out: preface and text or recording, once. They
// can be made again at any time.
const programs = "programs"

// gap is the silence between two repeats.
const gap = 700 * time.Millisecond

// keepPrograms is how long one is kept after it was last used.
const keepPrograms = 24 * time.Hour

// prepare makes the sound of a broadcast. Without it the loudspeakers speak the text
// themselves, so only a recording that is missing is an error.
func (b *Broadcasts) prepare(ctx context.Context, bc *Broadcast) error {
	if bc.mic != "" {
		return b.mics.owned(bc.mic, bc.Actor)
	}
	if bc.URL != "" || b.o.Base() == "" && bc.Recording == "" {
		return nil
	}
	what := bc.Mode + "\x00" + bc.Recording + "\x00" + bc.Text
	if bc.siren {
		what += "\x00siren"
	}
	sum := sha256.Sum256([]byte(what))
	name := hex.EncodeToString(sum[:])
	path := filepath.Join(b.o.Dir, programs, name)
	info, err := used(path)
	if err != nil {
		info, err = b.produce(ctx, bc, path)
	}
	switch {
	case err == nil:
	case bc.Recording != "":
		return err
	default:
		b.log.WarnContext(ctx, "broadcast: loudspeakers speak the text themselves", "err", err)
		return nil
	}
	once := time.Duration(info.Size()/2) * time.Second / sound.Rate
	bc.program, bc.LengthMS = name, (time.Duration(bc.Repeat)*(once+gap) - gap).Milliseconds()
	return nil
}

// used is a programme that is there, and is kept because it is wanted.
func used(path string) (fs.FileInfo, error) {
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		return nil, err
	}
	return os.Stat(path)
}

// produce makes a programme. A synthesiser takes up to some seconds: what a life may depend on
// does not wait for what is less urgent.
func (b *Broadcasts) produce(ctx context.Context, bc *Broadcast, path string) (fs.FileInfo, error) {
	turn := &b.rendering
	if bc.Priority <= LifeSafety {
		turn = &b.urgent
	}
	turn.Lock()
	defer turn.Unlock()
	if info, err := used(path); err == nil { // made meanwhile
		return info, nil
	}
	p, err := b.render(ctx, bc)
	if err != nil {
		return nil, err
	}
	if err := write(path, p.Bytes()); err != nil {
		return nil, err
	}
	b.tidy(ctx)
	return used(path)
}

// render speaks the text or reads the recording, after the words of an exercise.
func (b *Broadcasts) render(ctx context.Context, bc *Broadcast) (p sound.PCM, err error) {
	if b.o.Voice == nil && (bc.Recording == "" || bc.Mode == Exercise) {
		return nil, errors.New("no voice")
	}
	if bc.Mode == Exercise {
		if p, err = b.o.Voice.Preface(bc.Text); err != nil {
			return nil, err
		}
	}
	var body sound.PCM
	if bc.Recording != "" {
		body, err = b.recording(bc.Recording)
	} else {
		body, err = b.o.Voice.Say(ctx, bc.Text)
	}
	if err != nil {
		return nil, err
	}
	if bc.siren && bc.Mode != Exercise { // an exercise must not sound as a fire does
		p = append(p, sound.Evacuation()...)
	}
	return append(p, body...), nil
}

// write makes a file that is there wholly or not at all.
func write(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("broadcast: %w", err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("broadcast: %w", err), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(fmt.Errorf("broadcast: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// tidy removes programs that nobody has used for long; those of open broadcasts may be
// wanted again.
func (b *Broadcasts) tidy(ctx context.Context) {
	open, err := heads(ctx, b.db.Read(), `WHERE open = 1`)
	if err != nil {
		return
	}
	wanted := map[string]bool{}
	for i := range open {
		wanted[open[i].program] = true
	}
	dir := filepath.Join(b.o.Dir, programs)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && !wanted[e.Name()] && time.Since(info.ModTime()) > keepPrograms {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
