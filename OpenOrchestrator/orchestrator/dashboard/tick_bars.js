// Bars over time as ticks, such as failures in each part of a span. Numbers only.
export default {
  template: `<svg class="oo-ticks" width="160" height="28" role="img" :aria-label="label"><rect v-for="(v, n) in values" :key="n" :x="n * 160 / values.length" :width="160 / values.length - 1.6" rx="1" :y="28 - height(v)" :height="height(v)" :style="{ fill: v ? 'var(--' + tone + '-mark)' : 'var(--border-strong)' }" /></svg>`,
  props: { values: Array, tone: String, label: String },
  computed: { top() { return Math.max(...this.values, 1); } },
  methods: { height(v) { return v ? 8 + (v / this.top) * 16 : 2; } },
};
