package redistest

import (
	"context"
	"strings"
	"time"
)

// slots is how many hash slots a cluster has.
const slots = 16384

// OwnAllSlots makes a server started with "--cluster-enabled yes" a cluster of its
// own.
func (s *Server) OwnAllSlots() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := s.Client()
	if err := c.ClusterAddSlotsRange(ctx, 0, slots-1).Err(); err != nil {
		s.t.Fatalf("giving the server its slots: %v", err)
	}
	for ctx.Err() == nil {
		info, err := c.ClusterInfo(ctx).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatal("the cluster does not become ready")
}
