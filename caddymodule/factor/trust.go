package factor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// TrustLife is how long a trusted device is not asked.
const TrustLife = 30 * 24 * time.Hour

// maxDevices is how many devices one user trusts; the oldest goes first.
const maxDevices = 10

// Device is a trusted one, for its owner to see.
type Device struct {
	ID           string // names it, and opens nothing
	Since, Until time.Time
	Agent        string
	Network      string
}

// trusted tells whether a device is not asked. A changed password, or the end of
// all sessions, ends it.
func trusted(d *store.TrustedDevice, u *store.User, now time.Time) bool {
	return u.SecondStep && now.Before(d.Until) && d.Epoch == u.Epoch && d.Password.Equal(u.PasswordChanged)
}

func devices(rec *store.Factor, u *store.User, now time.Time) (all []Device) {
	for i := range rec.Devices {
		if d := &rec.Devices[i]; trusted(d, u, now) {
			all = append(all, Device{ID: d.Device, Since: d.Since, Until: d.Until, Agent: d.Agent, Network: d.Network})
		}
	}
	return all
}

// Trusted tells whether u chose not to be asked on the device with that digest.
func (f *Factors) Trusted(ctx context.Context, u *store.User, device string) (bool, error) {
	if device == "" {
		return false, nil
	}
	rec, err := f.get(ctx, u.Account, u.ID)
	if err != nil {
		return false, err
	}
	now := f.Now()
	return slices.ContainsFunc(rec.Devices, func(d store.TrustedDevice) bool {
		return d.Device == device && trusted(&d, u, now)
	}), nil
}

// Trust has u not asked on a device for a while. Agent and Network say to its
// owner which one it is.
func (f *Factors) Trust(ctx context.Context, u *store.User, device Device) error {
	err := f.change(ctx, u.Account, u.ID, func(_ store.Tx, now *store.User, rec *store.Factor, at time.Time) error {
		if now.Epoch != u.Epoch || !now.SecondStep {
			return nil // what the person meant by it is over
		}
		rec.Devices = slices.DeleteFunc(rec.Devices, func(d store.TrustedDevice) bool {
			return d.Device == device.ID || !trusted(&d, now, at)
		})
		for len(rec.Devices) >= maxDevices {
			rec.Devices = rec.Devices[1:]
		}
		rec.Devices = append(rec.Devices, store.TrustedDevice{
			Device: device.ID, Since: at, Until: at.Add(TrustLife), Agent: device.Agent, Network: device.Network,
			Epoch: now.Epoch, Password: now.PasswordChanged,
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("trusting a device: %w", err)
	}
	return nil
}

// Forget ends the trust in a device, or in all where id is empty.
func (f *Factors) Forget(ctx context.Context, u *store.User, id string) error {
	err := f.change(ctx, u.Account, u.ID, func(_ store.Tx, _ *store.User, rec *store.Factor, _ time.Time) error {
		rec.Devices = slices.DeleteFunc(rec.Devices, func(d store.TrustedDevice) bool { return id == "" || d.Device == id })
		return nil
	})
	if err != nil {
		return fmt.Errorf("forgetting a device: %w", err)
	}
	return nil
}
