// Log messages, newest first. A row opens in place and shows the whole text. Text interpolation only: never HTML.
export default {
  template: `
    <div class="oo-logs" ref="root">
      <table class="oo-lt" :aria-label="label">
        <colgroup><col class="oo-lc-x" /><col class="oo-lc-time" /><col class="oo-lc-level" /><col class="oo-lc-process oo-no-phone" /><col /><col class="oo-lc-job oo-no-phone" /></colgroup>
        <thead><tr><th><span class="oo-hidden-text">Open</span></th><th>{{ zone }}</th><th>Level</th><th class="oo-no-phone">Process</th><th>Message</th><th class="oo-no-phone oo-right">Job</th></tr></thead>
        <tbody>
          <template v-for="(row, n) in rows" :key="row.id">
            <tr v-if="row.d" class="oo-log-day"><td colspan="6">{{ row.d }}</td></tr>
            <tr class="oo-log" :class="{ 'oo-log-err': row.l === 'failed', 'oo-log-open': opened[row.id], 'oo-log-new': fresh.has(row.id) }" :data-row="row.id"
                :tabindex="row.id === active || (!hasActive && n === 0) ? 0 : -1" @focus="active = row.id" @click="clicked($event, row)" @keydown="key($event, row, n)">
              <td><button type="button" class="oo-log-tog" tabindex="-1" :aria-expanded="!!opened[row.id]" :aria-label="'Message of ' + row.t" @click.stop="toggle(row)"><q-icon name="sym_r_chevron_right" class="oo-log-x" /></button></td>
              <td class="oo-mono oo-t3" :data-tip="row.f">{{ row.t }}</td>
              <td><span class="oo-log-level" :class="'oo-ll-' + row.l">{{ row.w }}</span></td>
              <td class="oo-no-phone oo-log-process">{{ row.p }}</td>
              <td class="oo-mono oo-log-text" :class="'oo-lx-' + row.l">{{ row.m }}<span v-if="row.x" class="oo-t3"> …</span></td>
              <td class="oo-no-phone oo-right"><a v-if="row.j" class="oo-link oo-mono" :href="prefix + '/jobs/' + row.j" tabindex="-1" :aria-label="'Job ' + row.j">{{ row.j.slice(0, 8) }}</a></td>
            </tr>
            <tr v-if="opened[row.id]" class="oo-log-more" :class="{ 'oo-log-err': row.l === 'failed' }"><td colspan="6">
              <div v-if="details[row.id]" class="oo-log-detail">
                <pre class="oo-code oo-log-full" tabindex="0" :aria-label="'Message of ' + row.t">{{ details[row.id].text }}</pre>
                <div class="oo-log-facts">
                  <dl class="oo-kv"><template v-for="fact in details[row.id].facts" :key="fact[0]"><dt>{{ fact[0] }}</dt><dd><a v-if="fact[2]" class="oo-link" :href="prefix + fact[2]">{{ fact[1] }}</a><template v-else>{{ fact[1] }}</template></dd></template></dl>
                  <div class="oo-row oo-wrap">
                    <button type="button" class="oo-log-btn" @click="copy(row.id)"><q-icon :name="copied === row.id ? 'sym_r_check' : 'sym_r_content_copy'" />{{ copied === row.id ? 'Copied' : 'Copy' }}</button>
                    <button v-if="row.j" type="button" class="oo-log-btn" @click="$emit('only', { name: 'job', value: row.j })"><q-icon name="sym_r_filter_alt" />Only this job</button>
                    <button type="button" class="oo-log-btn" @click="$emit('only', { name: 'process', value: row.p })"><q-icon name="sym_r_filter_alt" />Only this process</button>
                  </div>
                </div>
              </div>
              <div v-else class="oo-t3 oo-log-wait">Loading…</div>
            </td></tr>
          </template>
        </tbody>
      </table>
    </div>`,
  props: { rows: Array, label: String, zone: String, prefix: { type: String, default: "" } },
  data: () => ({ opened: {}, details: {}, active: null, copied: null, fresh: new Set(), away: false }),
  computed: { hasActive() { return this.rows.some((r) => r.id === this.active); } },
  watch: {
    rows(now, before) {
      const seen = new Set(before.map((r) => r.id));
      const fresh = before.length ? now.filter((r) => !seen.has(r.id)).map((r) => r.id) : [];
      this.fresh = new Set(fresh.length < now.length ? fresh : []);
      clearTimeout(this.fading);
      this.fading = setTimeout(() => (this.fresh = new Set()), 1000);
      const there = new Set(now.map((r) => r.id));
      for (const id of Object.keys(this.opened)) if (!there.has(id)) { delete this.opened[id]; delete this.details[id]; }
    },
  },
  mounted() { this.look = () => this.tell(); window.addEventListener("scroll", this.look, { passive: true }); },
  unmounted() { window.removeEventListener("scroll", this.look); clearTimeout(this.fading); },
  methods: {
    // Away: somebody reads further down or in an open row, so new rows must not push anything.
    tell() {
      const away = window.scrollY > 60 || Object.keys(this.opened).length > 0;
      if (away !== this.away) { this.away = away; this.$emit("away", away); }
    },
    toggle(row) {
      if (this.opened[row.id]) { delete this.opened[row.id]; delete this.details[row.id]; }
      else { this.opened[row.id] = true; this.$emit("open", row.id); }
      this.tell();
    },
    fill(id, details) { if (this.opened[id]) this.details[id] = details; },
    top() {
      this.opened = {}; this.details = {}; this.away = false;
      window.scrollTo({ top: 0 });
    },
    clicked(event, row) {
      if (event.target.closest("a") || String(getSelection())) return;
      this.toggle(row);
    },
    key(event, row, n) {
      if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      if (step) {
        const rows = this.$refs.root.querySelectorAll("tr.oo-log");
        rows[Math.max(0, Math.min(n + step, rows.length - 1))]?.focus();
      } else if (event.key === "Enter" || event.key === " ") this.toggle(row);
      else if (event.key === "Escape" && this.opened[row.id]) this.toggle(row);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    async copy(id) {
      const text = this.details[id].text;
      try { await navigator.clipboard.writeText(text); }
      catch {
        // Without https browsers keep the clipboard from scripts; a selected text field still works.
        const field = Object.assign(document.createElement("textarea"), { value: text });
        field.style.position = "fixed";
        document.body.append(field);
        field.select();
        document.execCommand("copy");
        field.remove();
      }
      this.copied = id;
      setTimeout(() => { if (this.copied === id) this.copied = null; }, 1500);
    },
  },
};
