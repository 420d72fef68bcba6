// "Updated 3 s ago": the server says when it looked, the browser counts in between.
export default {
  template: `
    <span class="oo-upd" role="group" aria-label="Live updates">
      <span class="oo-dot" :class="{ 'oo-paused': state === 'paused', 'oo-lost': state === 'lost' }"></span>
      <span class="oo-upd-text">{{ text }}</span>
      <button type="button" class="oo-ib" :aria-label="state === 'paused' ? 'Resume live updates' : 'Pause live updates'" :data-tip="state === 'paused' ? 'Resume' : 'Pause'" @click="$emit('toggle')"><q-icon :name="state === 'paused' ? 'sym_r_play_arrow' : 'sym_r_pause'" /></button>
    </span>`,
  props: { state: String },
  data: () => ({ at: Date.now(), now: Date.now() }),
  computed: {
    text() {
      const s = Math.max(0, Math.round((this.now - this.at) / 1000));
      const ago = s < 60 ? s + " s ago" : s < 3600 ? Math.floor(s / 60) + " min ago" : Math.floor(s / 3600) + " h ago";
      return (this.state === "paused" ? "Paused, updated " : this.state === "lost" ? "No database, updated " : "Updated ") + ago;
    },
  },
  mounted() { this.ticking = setInterval(() => (this.now = Date.now()), 1000); },
  unmounted() { clearInterval(this.ticking); },
  methods: { mark() { this.at = this.now = Date.now(); } },
};
