package operate

import "context"

// compacter is a store whose file can be written anew without what is free in it.
type compacter interface {
	Compact(ctx context.Context) (before, after int64, err error)
}

func compact(ctx context.Context, h *House, _ *input) (outcome, error) {
	c, ok := h.Engine.(compacter)
	if !ok {
		return outcome{}, &Error{Exit: ExitFailed, Message: "compacting: this store is no bolt file", Fix: "a Redis gives room back by itself"}
	}
	before, after, err := c.Compact(ctx)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{data: struct {
		Before int64 `json:"bytes_before"`
		After  int64 `json:"bytes_after"`
	}{before, after}}
	o.text.line("The file had %d bytes and has %d now.", before, after)
	return o, nil
}
