// Coming runs as a strip: a cell for each hour, as high as it has runs. Words are text.
export default {
  template: `
    <div class="oo-hours" role="group" :aria-label="label">
      <a v-for="h in hours" :key="h.s" :href="prefix + h.h" class="oo-hour" :class="{ 'oo-hour-bad': h.x }" :data-tip="h.t" :aria-label="h.t">
        <span class="oo-hour-bar"><b :style="{ height: h.n ? Math.max(12, (100 * h.n) / top) + '%' : '0' }"></b></span>
        <span class="oo-hour-x"><q-icon v-if="h.x" name="sym_r_warning" /></span>
        <span class="oo-hour-t">{{ h.w }}</span>
      </a>
    </div>`,
  props: { hours: Array, label: String, prefix: { type: String, default: "" } },
  computed: { top() { return Math.max(1, ...this.hours.map((h) => h.n)); } },
};
