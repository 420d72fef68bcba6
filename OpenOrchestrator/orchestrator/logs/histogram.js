// Messages over time by level, stacked. A click, or dragging over several, narrows the list to that time. Words are text.
export default {
  template: `
    <div class="oo-hist">
      <div class="oo-hist-bars" ref="bars" role="img" :aria-label="label" @pointerdown="down" @pointermove="move" @pointerup="up" @pointercancel="from = null">
        <span v-for="(b, n) in bars" :key="b.s" class="oo-hist-bar" :class="{ 'oo-hist-none': b.x, 'oo-hist-in': chosen(n) }" :data-tip="b.t">
          <b v-for="p in b.p" :key="p[0]" :class="'oo-hist-' + p[0]" :style="{ height: (100 * p[1]) / top + '%' }"></b>
        </span>
      </div>
      <div class="oo-hist-ax" aria-hidden="true"><span v-for="(t, n) in ticks" :key="n">{{ t }}</span></div>
    </div>`,
  props: { bars: Array, ticks: Array, label: String },
  data: () => ({ from: null, to: null }),
  computed: { top() { return Math.max(1, ...this.bars.map((b) => b.p.reduce((sum, p) => sum + p[1], 0))); } },
  methods: {
    chosen(n) { return this.from !== null && n >= Math.min(this.from, this.to) && n <= Math.max(this.from, this.to); },
    at(event) {
      const box = this.$refs.bars.getBoundingClientRect();
      return Math.max(0, Math.min(this.bars.length - 1, Math.floor(((event.clientX - box.left) / box.width) * this.bars.length)));
    },
    down(event) { if (event.button) return; this.from = this.to = this.at(event); this.$refs.bars.setPointerCapture?.(event.pointerId); },
    move(event) { if (this.from !== null) this.to = this.at(event); },
    up() {
      if (this.from === null) return;
      this.$emit("span", [Math.min(this.from, this.to), Math.max(this.from, this.to)]);
      this.from = null;
    },
  },
};
