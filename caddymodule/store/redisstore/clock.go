package redisstore

import (
	"context"
	"time"
)

// Clock returns the time of the server, so that `check` can compare clocks.
func (s *Store) Clock(ctx context.Context) (now time.Time, err error) {
	if err := s.begin(ctx); err != nil {
		return time.Time{}, err
	}
	err = s.read(ctx, "reading the clock of redis", func() (err error) {
		now, err = s.client.Time(ctx).Result()
		return err
	})
	return now, err
}
